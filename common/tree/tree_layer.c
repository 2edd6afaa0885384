/*
 * Layers in the tree: what a member of one does to what lower layers have. The rules are those of root_tree.c for an overlay.
 */
#include "tree/tree_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/inroot.h"
#include "tree/whiteout.h"

void tree_begin_layer(struct tree *t)
{
	layer_names_free(&t->made);
	t->is_layer = true;
}

int tree_layer_note(struct tree *t, int parent_fd, const char *name)
{
	struct stat parent;

	if (!t->is_layer)
		return 0;
	if (fstat(parent_fd, &parent) < 0)
		return -errno;
	return layer_names_add(&t->made, &parent, name);
}

/* What is noted of a directory that a layer has, but has not made: no name has a slash. */
static const char *joined_name(const char *name, char ret[NAME_MAX + 2])
{
	snprintf(ret, NAME_MAX + 2, "%.*s/", NAME_MAX, name);
	return ret;
}

/* Has the layer this name? */
static bool has_name(const struct tree *t, const struct stat *parent, const char *name,
		     const struct stat *st)
{
	char joined[NAME_MAX + 2];

	return layer_names_has(&t->made, parent, name) ||
	       (S_ISDIR(st->st_mode) &&
		layer_names_has(&t->made, parent, joined_name(name, joined)));
}

/* ---- deleting ---- */

/* What goes on with it: all of it goes, or what the layer itself has made stays. */
struct deletion {
	struct tree *t;
	bool all;
};

static int delete_name(const struct deletion *d, int parent_fd, const struct stat *parent,
		       const char *name, unsigned depth);

static int delete_entries(const struct deletion *d, DIR *dir, unsigned depth)
{
	struct dirent *e;
	struct stat st;
	int r = fstat(dirfd(dir), &st) < 0 ? -errno : 0;

	while (r == 0 && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = delete_name(d, dirfd(dir), &st, e->d_name, depth);
	return r;
}

static int empty_directory(const struct deletion *d, int fd, unsigned depth)
{
	int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	DIR *dir = list < 0 ? NULL : fdopendir(list);

	if (!dir) {
		r = -errno;
		cleanup_close(&list);
		return r;
	}
	r = delete_entries(d, dir, depth);
	closedir(dir);
	return r;
}

/* One that stays, since the layer has something in it, keeps its time. */
static int empty_below(const struct deletion *d, int parent_fd, const char *name, unsigned depth)
{
	_cleanup_close_ int fd = openat(parent_fd, name,
					O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirstate state = { 0 };
	int r, last;

	if (fd < 0)
		return -errno;
	if (depth == LAYER_DEPTH_MAX)
		return -ELOOP;
	r = dirstate_enter(&state, fd, &d->t->directories.rules);
	if (r == 0)
		r = empty_directory(d, fd, depth + 1);
	last = dirstate_leave(&state, fd);
	return r < 0 ? r : last;
}

static int unlink_name(const struct deletion *d, int parent_fd, const char *name,
		       const struct stat *st)
{
	bool is_directory = S_ISDIR(st->st_mode);

	if (unlinkat(parent_fd, name, is_directory ? AT_REMOVEDIR : 0) < 0)
		return is_directory && !d->all && errno == ENOTEMPTY ? 0 : -errno;
	if (d->t->named_acls && (is_directory || st->st_nlink == 1))
		tree_acls_forget(d->t, st);
	return 0;
}

static int delete_name(const struct deletion *d, int parent_fd, const struct stat *parent,
		       const char *name, unsigned depth)
{
	struct stat st;
	int r = 0;

	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode) && st.st_dev != parent->st_dev)
		return -EXDEV; /* what is mounted there is not the root's */
	if (S_ISDIR(st.st_mode))
		r = empty_below(d, parent_fd, name, depth);
	if (r < 0 || (!d->all && has_name(d->t, parent, name, &st)))
		return r;
	return unlink_name(d, parent_fd, name, &st);
}

/* Directories below parent_fd that are open for members are left before, and what is gone is opened no more. */
static int delete_from(struct tree *t, int parent_fd, const char *name, bool all)
{
	const struct deletion d = { .t = t, .all = all };
	struct stat parent;
	int r = dir_cache_leave(&t->directories, false);

	dir_cache_forget(&t->directories);
	if (r == 0 && fstat(parent_fd, &parent) < 0)
		r = -errno;
	if (r < 0)
		return r;
	return name ? delete_name(&d, parent_fd, &parent, name, 0)
		    : empty_directory(&d, parent_fd, 0);
}

int tree_layer_replace(struct tree *t, int parent_fd, const char *name)
{
	return delete_from(t, parent_fd, name, true);
}

static int fail_deletion(struct fail *f, const struct member *m, int error)
{
	return error == -ELOOP ? tree_fail_depth(f, m->path)
			       : tree_fail(f, error, m->path, "cannot delete what it says");
}

bool tree_leads_nowhere(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ENAMETOOLONG;
}

/* at: where the whiteout stands in its path. */
static int delete_said(struct tree *t, const struct member *m, const char *at, bool is_opaque,
		       struct fail *f)
{
	char name[NAME_MAX + 1], deleted[PATH_MAX];
	int parent_fd, r;

	if (!is_opaque && !whiteout_deleted(m->path, at, deleted))
		return 0;
	parent_fd = dir_cache_open_parent(&t->directories, is_opaque ? m->path : deleted, false,
					  name);
	if (tree_leads_nowhere(parent_fd))
		return 0; /* there is nothing to delete */
	r = parent_fd < 0 ? parent_fd : delete_from(t, parent_fd, is_opaque ? NULL : name, false);
	return r < 0 ? fail_deletion(f, m, r) : 0;
}

int tree_layer_whiteout(struct tree *t, const struct member *m, struct fail *f)
{
	const char *at;
	enum whiteout w = t->is_layer ? whiteout_read(m->path, &at) : WHITEOUT_NONE;

	switch (w) {
	case WHITEOUT_NAME:
	case WHITEOUT_OPAQUE:
		return delete_said(t, m, at, w == WHITEOUT_OPAQUE, f);
	case WHITEOUT_NAMELESS:
		return whiteout_fail(f, m->path);
	case WHITEOUT_NOTE:
		return 0;
	case WHITEOUT_NONE:
		break;
	}
	return 1;
}

/* ---- joining ---- */

static bool leads_to_directory(const struct tree *t, const struct member *m)
{
	_cleanup_close_ int fd = inroot_open(t->root_fd, m->path, O_PATH | O_DIRECTORY);

	return fd >= 0;
}

bool tree_layer_joins(const struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	struct stat st, parent;

	if (!t->is_layer || m->type != MEMBER_DIRECTORY)
		return false;
	if (!*name)
		return true;
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || fstat(parent_fd, &parent) < 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return leads_to_directory(t, m);
	return S_ISDIR(st.st_mode) && !layer_names_has(&t->made, &parent, name);
}

int tree_layer_join(struct tree *t, const struct member *m, int parent_fd, const char *name,
		    struct fail *f)
{
	char joined[NAME_MAX + 2];
	struct stat st;
	int r;

	if (!*name)
		return 0;
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	else
		r = S_ISDIR(st.st_mode) ? tree_layer_note(t, parent_fd, joined_name(name, joined))
					: 0;
	return r == -E2BIG ? tree_fail_names(f, m->path)
	       : r < 0     ? tree_fail(f, r, m->path, "cannot note this directory")
			   : 0;
}
