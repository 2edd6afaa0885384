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

/* The path of the current member with all symlinks resolved: a later member may change one of them, and the path
 * as the archive has it would then lead to another file. NULL: no memory. The caller frees it. */
static char *real_path(const struct tree *t, const char *name)
{
	size_t length;
	const char *parent = dir_cache_path(&t->directories, &length);
	char *path;
	int n = asprintf(&path, "%.*s%s%s", (int)length, parent, length && *name ? "/" : "", name);

	return n < 0 ? NULL : path;
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
	n->path = real_path(t, name);
	r = n->path ? collect_named(n, m) : -ENOMEM;
	if (r == 0)
		t->named_acls_size += sizeof(*n) + strlen(n->path) + 1 + n->xattrs.room;
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

int tree_acls_add(struct tree *t, const struct member *m, int parent_fd, const char *name,
		  struct fail *f)
{
	char most[SIZE_TEXT_MAX];
	int r = has_named(m) ? keep(t, m, parent_fd, name) : 0;

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

/* Turns names into numbers. One that the root does not know loses its ACL, which is counted. */
static int resolve_named_acls(struct tree *t, const struct named_acls *n, struct xattrs *ret)
{
	size_t cursor = 0, size;
	const void *value;
	const char *name;
	int r = 0;

	while (r == 0 && xattrs_next(&n->xattrs, &cursor, &name, &value, &size)) {
		r = aclnames_resolve(t->root_fd, name, value, size, ret);
		if (r == -ENOENT) {
			tree_count_loss(t, &t->losses.unknown, t->losses.first_unknown, n->path);
			r = 0;
		}
	}
	return r;
}

static int finish_named_acls(struct tree *t, const struct named_acls *n)
{
	struct xattrs xattrs = { 0 };
	char name[NAME_MAX + 1];
	struct stat st;
	int parent_fd = dir_cache_open_parent(&t->directories, n->path, false, name), r;

	if (parent_fd < 0)
		return parent_fd == -ENOENT || parent_fd == -ENOTDIR ? 0 : parent_fd;
	if (!*name)
		strcpy(name, ".");
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_dev != n->dev || st.st_ino != n->ino)
		return 0; /* a later member replaced it */
	r = dir_cache_leave(&t->directories, strcmp(name, ".") == 0);
	if (r == 0)
		r = resolve_named_acls(t, n, &xattrs);
	if (r == 0 && fchdir(parent_fd) < 0)
		r = -errno;
	if (r == 0)
		r = tree_metadata_apply_xattrs(t, -1, name, &xattrs);
	xattrs_free(&xattrs);
	return r;
}

void tree_acls_forget(struct tree *t, const struct stat *st)
{
	for (struct named_acls *n = t->named_acls; n; n = n->next)
		if (n->dev == st->st_dev && n->ino == st->st_ino)
			n->ino = 0;
}

int tree_acls_finish(struct tree *t, struct fail *f)
{
	for (const struct named_acls *n = t->named_acls; n; n = n->next) {
		int r = finish_named_acls(t, n);

		if (r < 0)
			return tree_fail(f, r, n->path, "cannot set its ACL");
	}
	return 0;
}

void tree_acls_free(struct tree *t)
{
	struct named_acls *n;

	while ((n = t->named_acls)) {
		t->named_acls = n->next;
		xattrs_free(&n->xattrs);
		free(n->path);
		free(n);
	}
}
