/*
 * What waits until the whole tree is there: ACLs whose names the tree itself explains (aclnames.h).
 */
#include "tree/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "tar/aclnames.h"
#include "base/size.h"

/* Notes the path of the current member with all symlinks resolved: a later member may change one of them, and the path as the
 * archive has it would then lead to another file. 0 or -ENOMEM. */
static int note_path(struct tree *t, struct named_acls *n, const char *name)
{
	size_t length, size;
	const char *parent = dir_cache_path(&t->directories, &length);
	struct acl_path *path;

	size = length + 1 + strlen(name) + 1;
	path = malloc(sizeof(*path) + size);
	if (!path)
		return -ENOMEM;
	snprintf(path->text, size, "%.*s%s%s", (int)length, parent, length && *name ? "/" : "",
		 name);
	path->next = n->paths;
	n->paths = path;
	t->named_acls_size += sizeof(*path) + size;
	return 0;
}

/* Moves the ACLs with names from m to n. */
static int collect_named(struct named_acls *n, const struct member *m)
{
	size_t cursor = 0, size;
	const void *value;
	const char *key;
	int r = 0;

	while (r == 0 && xattrs_next(&m->xattrs, &cursor, &key, &value, &size))
		if (aclnames_meant(key))
			r = xattrs_add(&n->xattrs, aclnames_meant(key), value, size);
	return r;
}

static int keep(struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	struct named_acls *n = calloc(1, sizeof(*n));
	struct stat st;
	int r;

	if (!n)
		return -ENOMEM;
	n->next = t->named_acls;
	t->named_acls = n;
	if (fstatat(parent_fd, *name ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	r = note_path(t, n, name);
	if (r == 0)
		r = collect_named(n, m);
	t->named_acls_size += sizeof(*n) + n->xattrs.room;
	return r;
}

static bool has_named(const struct member *m)
{
	size_t cursor = 0, size;
	const void *value;
	const char *key;

	while (xattrs_next(&m->xattrs, &cursor, &key, &value, &size))
		if (aclnames_meant(key))
			return true;
	return false;
}

/* What is kept must fit. r: of keeping m's. */
static int check_kept(const struct tree *t, const struct member *m, int r, struct fail *f)
{
	char most[SIZE_TEXT_MAX];

	if (r < 0)
		return tree_fail(f, r, m->path, "cannot keep its ACL");
	if (t->named_acls_size > TREE_ACLS_MAX)
		return fail_set(
			f, E2BIG, m->path,
			"Archive them with numbers: tar --numeric-owner, or `tarboot pack`.",
			"the ACLs with names of users or groups up to here take more than %s of "
			"memory",
			size_format(most, TREE_ACLS_MAX));
	return 0;
}

int tree_acls_add(struct tree *t, const struct member *m, int parent_fd, const char *name,
		  struct fail *f)
{
	return check_kept(t, m, has_named(m) ? keep(t, m, parent_fd, name) : 0, f);
}

static struct named_acls *find_kept(const struct tree *t, const struct stat *st)
{
	struct named_acls *n = t->named_acls;

	while (n && (n->dev != st->st_dev || n->ino != st->st_ino))
		n = n->next;
	return n;
}

int tree_acls_link(struct tree *t, const struct member *m, int parent_fd, const char *name,
		   struct fail *f)
{
	struct named_acls *n;
	struct stat st;

	if (!t->named_acls)
		return 0;
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return check_kept(t, m, -errno, f);
	n = find_kept(t, &st);
	return check_kept(t, m, n ? note_path(t, n, name) : 0, f);
}

/* Turns names into numbers. One that the root does not know loses its ACL, which is counted. */
static int resolve_named_acls(struct tree *t, const struct named_acls *n, const char *path,
			      struct xattrs *ret)
{
	size_t cursor = 0, size;
	const void *value;
	const char *name;
	int r = 0;

	while (r == 0 && xattrs_next(&n->xattrs, &cursor, &name, &value, &size)) {
		r = aclnames_resolve(t->root_fd, name, value, size, ret);
		if (r == -ENOENT) {
			tree_count_loss(t, &t->losses.unknown, t->losses.first_unknown, path);
			r = 0;
		}
	}
	return r;
}

/* The directory of path, and the name there, if that is still this inode; it stays the cache's. -ENOENT: a later member replaced or
 * deleted it; or another -errno. */
static int open_inode(struct tree *t, const struct named_acls *n, const char *path,
		      char name[NAME_MAX + 1])
{
	int parent_fd = dir_cache_open_parent(&t->directories, path, false, name);
	struct stat st;

	if (parent_fd < 0)
		return tree_leads_nowhere(parent_fd) ? -ENOENT : parent_fd;
	if (!*name)
		strcpy(name, ".");
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return st.st_dev == n->dev && st.st_ino == n->ino ? parent_fd : -ENOENT;
}

static int set_named_acls(struct tree *t, const struct named_acls *n, const char *path,
			  int parent_fd, const char *name)
{
	struct xattrs xattrs = { 0 };
	int r = dir_cache_leave(&t->directories, strcmp(name, ".") == 0);

	if (r == 0)
		r = resolve_named_acls(t, n, path, &xattrs);
	if (r == 0 && fchdir(parent_fd) < 0)
		r = -errno;
	if (r == 0)
		r = tree_metadata_apply_xattrs(t, -1, name, &xattrs);
	xattrs_free(&xattrs);
	return r;
}

/* By whichever of its paths still leads to the inode; where none does, it is gone. */
static int finish_named_acls(struct tree *t, const struct named_acls *n, struct fail *f)
{
	char name[NAME_MAX + 1];
	int r;

	for (const struct acl_path *p = n->ino ? n->paths : NULL; p; p = p->next) {
		r = open_inode(t, n, p->text, name);
		if (r == -ENOENT)
			continue;
		if (r >= 0)
			r = set_named_acls(t, n, p->text, r, name);
		return r < 0 ? tree_fail(f, r, p->text, "cannot set its ACL") : 0;
	}
	return 0;
}

void tree_acls_forget(struct tree *t, const struct stat *st)
{
	for (struct named_acls *n = t->named_acls; n; n = n->next)
		if (n->dev == st->st_dev && n->ino == st->st_ino)
			n->ino = 0;
}

int tree_acls_finish(struct tree *t, struct fail *f)
{
	int r = 0;

	for (const struct named_acls *n = t->named_acls; r == 0 && n; n = n->next)
		r = finish_named_acls(t, n, f);
	return r;
}

static void free_paths(struct named_acls *n)
{
	struct acl_path *p;

	while ((p = n->paths)) {
		n->paths = p->next;
		free(p);
	}
}

void tree_acls_free(struct tree *t)
{
	struct named_acls *n;

	while ((n = t->named_acls)) {
		t->named_acls = n->next;
		xattrs_free(&n->xattrs);
		free_paths(n);
		free(n);
	}
}
