/*
 * What waits until the whole tree is there: metadata of directories, whose times change with every
 * name in them and whose default ACLs would be inherited, and ACLs whose names the tree itself
 * explains.
 */
#include "tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "aclnames.h"

/* Where the current member is, without links: what lies behind a link now may lie elsewhere when the
 * link has changed. NULL without memory; the caller frees it. */
static char *real_path(const struct tree *t, const char *name)
{
	size_t length;
	const char *parent = trail_path(&t->trail, &length);
	char *path;
	int n = asprintf(&path, "%.*s%s%s", (int)length, parent, length && *name ? "/" : "", name);

	return n < 0 ? NULL : path;
}

/* ---- directories ---- */

int tree_end_add_directory(struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	struct directory *d;
	struct stat st;
	int r;

	if (fstatat(parent_fd, *name ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (t->n_directories == t->room) {
		size_t room = t->room ? t->room * 2 : 256;

		d = realloc(t->directories, room * sizeof(*d));
		if (!d)
			return -ENOMEM;
		t->directories = d;
		t->room = room;
	}
	d = &t->directories[t->n_directories];
	*d = (struct directory){ .dev = st.st_dev, .ino = st.st_ino, .order = t->n_directories };
	d->path = real_path(t, name);
	r = d->path ? tree_metadata_copy(m, &d->meta) : -ENOMEM;
	t->n_directories++;
	return r;
}

static int compare_inodes(const void *a, const void *b)
{
	const struct directory *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int compare_orders_down(const void *a, const void *b)
{
	const struct directory *x = a, *y = b;

	return x->order < y->order ? 1 : -1;
}

/* Later records of an inode replace earlier ones, which are moved behind the count to be freed. */
static void drop_superseded(struct tree *t, size_t *ret_n)
{
	struct directory *d = t->directories, superseded;
	size_t n = 0;

	qsort(d, t->n_directories, sizeof(*d), compare_inodes);
	for (size_t i = 0; i < t->n_directories; i++) {
		if (n > 0 && d[n - 1].dev == d[i].dev && d[n - 1].ino == d[i].ino)
			n--;
		superseded = d[n];
		d[n++] = d[i];
		d[i] = superseded;
	}
	*ret_n = n;
}

/* A directory that a later member removed is skipped: its inode is no longer there. */
static int finish_directory(struct tree *t, const struct directory *d)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_MAX + 1];
	struct stat st;
	int parent_fd = trail_open_parent(&t->trail, d->path, false, name);

	if (parent_fd == -ENOENT || parent_fd == -ENOTDIR)
		return 0;
	if (parent_fd < 0)
		return parent_fd;
	fd = openat(parent_fd, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != d->dev || st.st_ino != d->ino)
		return 0;
	return tree_metadata_apply(t, fd, &st, &d->meta);
}

/* ---- ACLs with names ---- */

int tree_end_add_named_acls(struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	struct named_acls *n = NULL;
	size_t cursor = 0, size;
	const void *value;
	const char *key;
	struct stat st;
	int r = 0;

	while (r == 0 && xattrs_next(&m->xattrs, &cursor, &key, &value, &size)) {
		if (!aclnames_meant(key))
			continue;
		if (!n) {
			n = calloc(1, sizeof(*n));
			if (!n)
				return -ENOMEM;
			n->next = t->named_acls;
			t->named_acls = n;
			n->path = real_path(t, name);
		}
		r = n->path ? xattrs_add(&n->xattrs, aclnames_meant(key), value, size) : -ENOMEM;
	}
	if (!n || r < 0)
		return r;
	if (fstatat(parent_fd, *name ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	n->dev = st.st_dev;
	n->ino = st.st_ino;
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
		if (r == -ENOENT)
			r = tree_metadata_may_lose(t, name, ENOTSUP) ? 0 : r;
	}
	return r;
}

static int finish_named_acls(struct tree *t, const struct named_acls *n)
{
	struct xattrs xattrs = { 0 };
	char name[NAME_MAX + 1];
	struct stat st;
	int parent_fd = trail_open_parent(&t->trail, n->path, false, name), r;

	if (parent_fd < 0)
		return parent_fd == -ENOENT || parent_fd == -ENOTDIR ? 0 : parent_fd;
	if (!*name)
		strcpy(name, ".");
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_dev != n->dev || st.st_ino != n->ino)
		return 0; /* a later member replaced it */
	r = resolve_named_acls(t, n, &xattrs);
	if (r == 0 && fchdir(parent_fd) < 0)
		r = -errno;
	if (r == 0)
		r = tree_metadata_apply_xattrs(t, -1, name, &xattrs);
	xattrs_free(&xattrs);
	return r;
}

/* An inode that has more names keeps its ACL. */
void tree_end_forget_inode(struct tree *t, const struct stat *st)
{
	for (struct named_acls *n = t->named_acls; n; n = n->next)
		if (n->dev == st->st_dev && n->ino == st->st_ino && st->st_nlink == 1)
			n->ino = 0;
}

/* ---- the end ---- */

/* Children before parents, so that a parent's mode cannot lock an ordinary user out of them. */
int tree_finish(struct tree *t, struct fail *f)
{
	size_t n = 0;
	int r;

	for (const struct named_acls *a = t->named_acls; a; a = a->next) {
		r = finish_named_acls(t, a);
		if (r < 0)
			return tree_fail(f, r, a->path, "cannot set its ACL");
	}
	if (t->n_directories > 0) {
		drop_superseded(t, &n);
		qsort(t->directories, n, sizeof(*t->directories), compare_orders_down);
	}
	for (size_t i = 0; i < n; i++) {
		r = finish_directory(t, &t->directories[i]);
		if (r < 0)
			return tree_fail(f, r, t->directories[i].path,
					 "cannot set owner, mode, attributes or time");
	}
	return 0;
}

void tree_end_free(struct tree *t)
{
	struct named_acls *n;

	for (size_t i = 0; i < t->n_directories; i++) {
		free(t->directories[i].path);
		xattrs_free(&t->directories[i].meta.xattrs);
	}
	free(t->directories);
	while ((n = t->named_acls)) {
		t->named_acls = n->next;
		xattrs_free(&n->xattrs);
		free(n->path);
		free(n);
	}
}
