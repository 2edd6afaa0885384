/*
 * The names of the tree, made by one thread in archive order.
 */
#include "tree/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/inroot.h"

static int note_made(void *tree, int dir_fd, const char *name)
{
	return tree_layer_note(tree, dir_fd, name);
}

int tree_new(int root_fd, struct tree **ret)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->root_fd = root_fd;
	t->keep_owner = geteuid() == 0;
	dir_cache_init(&t->directories, root_fd);
	t->directories.made = note_made;
	t->directories.made_arg = t;
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	return 0;
}

/* ---- names ---- */

static int create_hardlink(struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	_cleanup_close_ int target_fd = -1;
	char target_name[NAME_MAX + 1];
	struct stat target, existing;
	int r;

	if (inroot_path_leaves(m->target))
		return -EXDEV;
	r = inroot_open_parent(t->root_fd, m->target, NULL, NULL, &target_fd, target_name, NULL);
	if (r < 0)
		return r;
	if (linkat(target_fd, target_name, parent_fd, name, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* A link that is already there must not be removed: it may be the only name. */
	if (fstatat(target_fd, target_name, &target, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(parent_fd, name, &existing, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (target.st_ino == existing.st_ino && target.st_dev == existing.st_dev)
		return 0;
	return -EEXIST;
}

static int create_file(const struct member *m, int parent_fd, const char *name, int *ret_fd)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent_fd, name, flags, m->mode & 0777);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Makes the inode, with the mode that it mostly keeps: that of a device or fifo could not be set later in a chroot without
 * /proc, as at boot, where the umask is 0. *ret_fd: of a regular file, open for writing; other types leave it alone. 0 or
 * -errno. */
static int create_inode(struct tree *t, const struct member *m, int parent_fd, const char *name,
			int *ret_fd)
{
	int r = -1;

	switch (m->type) {
	case MEMBER_FILE:
		return create_file(m, parent_fd, name, ret_fd);
	case MEMBER_DIRECTORY:
		r = mkdirat(parent_fd, name, m->mode & 0777);
		break;
	case MEMBER_SYMLINK:
		r = symlinkat(m->target, parent_fd, name);
		break;
	case MEMBER_HARDLINK:
		return create_hardlink(t, m, parent_fd, name);
	case MEMBER_CHAR:
		r = mknodat(parent_fd, name, S_IFCHR | m->mode, m->rdev);
		break;
	case MEMBER_BLOCK:
		r = mknodat(parent_fd, name, S_IFBLK | m->mode, m->rdev);
		break;
	case MEMBER_FIFO:
		r = mkfifoat(parent_fd, name, m->mode);
		break;
	}
	return r < 0 ? -errno : r;
}

/* Removes what an earlier member left under this name. A directory that is not empty stays, and is
 * an error, as it is for GNU tar. What goes may be in the cache of directories. */
static int remove_existing(struct tree *t, int parent_fd, const char *name)
{
	struct stat st;

	if (t->is_layer)
		return tree_layer_replace(t, parent_fd, name);
	if (t->named_acls) {
		if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (S_ISDIR(st.st_mode) || st.st_nlink == 1)
			tree_acls_forget(t, &st);
	}
	if (unlinkat(parent_fd, name, 0) < 0 &&
	    (errno != EISDIR || unlinkat(parent_fd, name, AT_REMOVEDIR) < 0))
		return -errno;
	dir_cache_forget(&t->directories);
	return 0;
}

/* For a member that describes a directory which is there already: the cache leaves it now, so that it does not set the old
 * mode and times again later. As with GNU tar its attributes stay but for ACLs. name "" is the directory parent_fd itself. */
static int prepare_directory(struct tree *t, int parent_fd, const char *name)
{
	int r = dir_cache_leave(&t->directories, !*name);
	struct stat st;

	if (r < 0)
		return r;
	if (!*name)
		name = ".";
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	tree_acls_forget(t, &st);
	return tree_metadata_clear_acls(parent_fd, name);
}

static int create_replacing(struct tree *t, const struct member *m, int parent_fd, const char *name,
			    int *ret_fd)
{
	int r = create_inode(t, m, parent_fd, name, ret_fd);
	struct stat st;

	if (r != -EEXIST)
		return r;
	if (m->type == MEMBER_DIRECTORY) {
		if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (S_ISDIR(st.st_mode))
			return prepare_directory(t, parent_fd, name);
	}
	r = remove_existing(t, parent_fd, name);
	return r < 0 ? r : create_inode(t, m, parent_fd, name, ret_fd);
}

/* ---- members ---- */

static int complete_inode(struct tree *t, const struct member *m, int parent_fd, const char *name,
			  int fd, struct tree_file **ret_file)
{
	switch (m->type) {
	case MEMBER_FILE:
		return tree_file_new(t, m, fd, ret_file);
	case MEMBER_HARDLINK:
		return 0;
	default:
		if (xattrs_has(&m->xattrs, ACL_XATTR_DEFAULT))
			dir_cache_look_for_acls(&t->directories);
		return tree_metadata_apply_by_name(t, parent_fd, *name ? name : ".", m);
	}
}

/* Its inode, and what that gets at once. *ret_file: of a regular file. */
static int add_inode(struct tree *t, const struct member *m, int parent_fd, const char *name,
		     struct tree_file **ret_file, struct fail *f)
{
	int fd = -1;
	int r = *name ? create_replacing(t, m, parent_fd, name, &fd)
		      : prepare_directory(t, parent_fd, name);

	if (r < 0)
		return tree_fail_create(f, m, r);
	r = complete_inode(t, m, parent_fd, name, fd, ret_file);
	if (r == 0)
		r = tree_layer_note(t, parent_fd, name);
	if (r == -E2BIG && t->made.n == LAYER_NAMES_MAX)
		return tree_fail_names(f, m->path);
	return r < 0 ? tree_fail(f, r, m->path, "cannot set owner, mode, attributes or time") : 0;
}

int tree_add(struct tree *t, const struct member *m, struct tree_file **ret_file, struct fail *f)
{
	struct fail unused;
	char name[NAME_MAX + 1];
	int parent_fd, r;

	*ret_file = NULL;
	if (inroot_path_leaves(m->path))
		return tree_fail_leaves(f, m);
	r = tree_layer_whiteout(t, m, f);
	if (r <= 0)
		return r;
	parent_fd = dir_cache_open_parent(&t->directories, m->path, true, name);
	if (parent_fd < 0)
		return tree_fail_parent(f, m, parent_fd);
	if (!*name && m->type != MEMBER_DIRECTORY)
		return tree_fail_root(f, m);
	if (tree_layer_joins(t, m, parent_fd, name))
		return tree_layer_join(t, m, parent_fd, name, f);
	r = add_inode(t, m, parent_fd, name, ret_file, f);
	if (r == 0)
		r = m->type == MEMBER_HARDLINK ? tree_acls_link(t, m, parent_fd, name, f)
					       : tree_acls_add(t, m, parent_fd, name, f);
	if (r < 0 && *ret_file) {
		tree_file_release(*ret_file, false, &unused);
		*ret_file = NULL;
	}
	return r;
}

int tree_finish(struct tree *t, struct fail *f)
{
	int r = tree_acls_finish(t, f);

	if (r < 0)
		return r;
	r = dir_cache_finish(&t->directories);
	return r < 0 ? tree_fail(f, r, "", "cannot set modes and times of its directories") : 0;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	tree_acls_free(t);
	layer_names_free(&t->made);
	tree_file_free_spare(t);
	dir_cache_close(&t->directories);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
