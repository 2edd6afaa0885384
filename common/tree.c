/*
 * The writer of the unpacked tree. Order per inode: data, owner, mode (chown clears suid), xattrs
 * (write and chown clear security.capability), times last.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "aclnames.h"
#include "inroot.h"

/* What an inode gets after it was created. */
struct metadata {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	struct xattrs xattrs; /* owned here; borrowed where noted */
};

struct directory {
	char *path; /* owned */
	dev_t dev;
	ino_t ino;
	size_t order; /* of arrival; the last record of an inode counts */
	struct metadata meta;
};

/* ACLs that wait for the whole tree (aclnames.h); of one inode. */
struct named_acls {
	struct named_acls *next;
	char *path; /* owned */
	dev_t dev;
	ino_t ino;
	struct xattrs xattrs; /* only what was named, under the names that are meant */
};

struct tree {
	int root_fd;
	bool keep_owner;
	int parent_fd;              /* the directory of the last member; -1 = none yet */
	char parent_real[PATH_MAX]; /* where it is, without links */
	char *parent_path;          /* how it was named; NULL = do not use it for the next one */
	struct directory *directories;
	size_t n_directories, room;
	struct named_acls *named_acls;
	pthread_mutex_t lock; /* of what follows: files are released by any thread */
	struct tree_losses losses;
	struct tree_file *spare;
};

/* Kept for the next file when done with: the threads that release files must not go to malloc,
 * which in musl is 60 times slower under two threads. */
struct tree_file {
	struct tree_file *next; /* in the tree's spare list; under its lock */
	struct tree *tree;
	_Atomic unsigned holders;
	_Atomic bool bad; /* some holder could not do its part */
	int fd;
	uint64_t size;
	struct metadata meta;
	char *path; /* for messages; owned */
	size_t path_room;
};

int tree_new(int root_fd, struct tree **ret)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->root_fd = root_fd;
	t->keep_owner = geteuid() == 0;
	t->parent_fd = -1;
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	return 0;
}

/* ---- failures ---- */

static int fail_member(struct fail *f, int error, const char *path, const char *doing)
{
	const char *todo = NULL;

	error = error < 0 ? -error : error;
	if (error == ENOSPC)
		todo = "The target has no room left (bytes or inodes): give it more, or pack less.";
	else if (error == EDQUOT)
		todo = "The quota of the target is used up.";
	else if (error == ELOOP || error == ENOTDIR)
		todo = "A link or file in the archive stands where a directory is needed: look at "
		       "the path in the root that was packed.";
	return fail_set(f, error, path, todo, "%s: %s", doing, strerror(error));
}

/* ---- metadata ---- */

/* Attributes that a target may lack without harm are counted, a capability never. */
static bool loss_is_allowed(struct tree *t, const char *name, int error)
{
	if ((error != ENOTSUP && error != EPERM && error != EACCES) ||
	    (strcmp(name, "security.capability") == 0 && t->keep_owner))
		return false;
	pthread_mutex_lock(&t->lock);
	if (t->losses.count++ == 0)
		snprintf(t->losses.first, sizeof(t->losses.first), "%s", name);
	pthread_mutex_unlock(&t->lock);
	return true;
}

/* fd < 0: name in the current directory, not followed (see apply_by_name). */
static int apply_xattrs(struct tree *t, int fd, const char *name, const struct xattrs *xattrs)
{
	size_t cursor = 0, size;
	const char *key;
	const void *value;
	int r;

	while (xattrs_next(xattrs, &cursor, &key, &value, &size)) {
		if (aclnames_meant(key))
			continue; /* see remember_named_acls */
		r = fd >= 0 ? fsetxattr(fd, key, value, size, 0)
			    : lsetxattr(name, key, value, size, 0);
		if (r < 0 && !loss_is_allowed(t, key, errno))
			return -errno;
	}
	return 0;
}

static int apply_by_fd(struct tree *t, int fd, const struct metadata *meta)
{
	const struct timespec times[2] = { meta->mtime, meta->mtime };
	int r;

	if (t->keep_owner && fchown(fd, meta->uid, meta->gid) < 0)
		return -errno;
	if (fchmod(fd, meta->mode) < 0)
		return -errno;
	r = apply_xattrs(t, fd, NULL, &meta->xattrs);
	if (r < 0)
		return r;
	return futimens(fd, times) < 0 ? -errno : 0;
}

/* For inodes that cannot be opened (links, devices, fifos). There is no lsetxattrat before Linux
 * 6.13 and perhaps no /proc, so the thread goes to the directory; nothing else relies on where it
 * stands. */
static int apply_by_name(struct tree *t, int parent_fd, const char *name, const struct member *m)
{
	const struct timespec times[2] = { m->mtime, m->mtime };
	int r;

	if (t->keep_owner && fchownat(parent_fd, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (m->type != MEMBER_SYMLINK && fchmodat(parent_fd, name, m->mode, 0) < 0)
		return -errno;
	if (m->xattrs.used) {
		if (fchdir(parent_fd) < 0)
			return -errno;
		r = apply_xattrs(t, -1, name, &m->xattrs);
		if (r < 0)
			return r;
	}
	return utimensat(parent_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* ret's own block of xattrs, if it has one, is used again. */
static int copy_metadata(const struct member *m, struct metadata *ret)
{
	size_t cursor = 0, size;
	const char *name;
	const void *value;
	int r = 0;

	ret->mode = m->mode;
	ret->uid = m->uid;
	ret->gid = m->gid;
	ret->mtime = m->mtime;
	ret->xattrs.used = 0;
	while (r == 0 && xattrs_next(&m->xattrs, &cursor, &name, &value, &size))
		r = xattrs_add(&ret->xattrs, name, value, size);
	return r;
}

/* ---- names ---- */

static void forget_parent(struct tree *t)
{
	cleanup_close(&t->parent_fd);
	t->parent_fd = -1;
	free(t->parent_path);
	t->parent_path = NULL;
}

/* Finds the directory of path, which stays t's, and the last component. Members of one directory
 * mostly follow each other, so the last directory is kept open. */
static int find_parent(struct tree *t, const char *path, char name[NAME_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	size_t length = slash ? (size_t)(slash - path) : 0;
	bool plain = *last && strcmp(last, ".") != 0 && strcmp(last, "..") != 0 &&
		     strlen(last) <= NAME_MAX;
	int r;

	if (plain && t->parent_path && strncmp(t->parent_path, path, length) == 0 &&
	    t->parent_path[length] == '\0') {
		strcpy(name, last);
		return t->parent_fd;
	}
	forget_parent(t);
	r = inroot_open_parent(t->root_fd, path, true, &t->parent_fd, name, t->parent_real);
	if (r < 0)
		return r;
	if (plain)
		t->parent_path = strndup(path, length); /* without memory: just no cache */
	return t->parent_fd;
}

static int create_hardlink(struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	_cleanup_close_ int target_fd = -1;
	char target_name[NAME_MAX + 1];
	struct stat target, existing;
	int r;

	if (inroot_path_leaves(m->target))
		return -EXDEV;
	r = inroot_open_parent(t->root_fd, m->target, false, &target_fd, target_name, NULL);
	if (r < 0)
		return r;
	if (linkat(target_fd, target_name, parent_fd, name, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* A link that is already there must not be removed: it may be the only name. */
	if (fstatat(target_fd, target_name, &target, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(parent_fd, name, &existing, AT_SYMLINK_NOFOLLOW) == 0 &&
	    target.st_ino == existing.st_ino && target.st_dev == existing.st_dev)
		return 0;
	return -EEXIST;
}

/* Makes the inode. Returns a descriptor for a regular file, 0 for others, -errno. */
static int create_inode(struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int r = -1;

	switch (m->type) {
	case MEMBER_FILE:
		r = openat(parent_fd, name, flags, 0600);
		break;
	case MEMBER_DIRECTORY:
		r = mkdirat(parent_fd, name, 0700);
		break;
	case MEMBER_SYMLINK:
		r = symlinkat(m->target, parent_fd, name);
		break;
	case MEMBER_HARDLINK:
		return create_hardlink(t, m, parent_fd, name);
	case MEMBER_CHAR:
		r = mknodat(parent_fd, name, S_IFCHR | 0600, m->rdev);
		break;
	case MEMBER_BLOCK:
		r = mknodat(parent_fd, name, S_IFBLK | 0600, m->rdev);
		break;
	case MEMBER_FIFO:
		r = mkfifoat(parent_fd, name, 0600);
		break;
	}
	return r < 0 ? -errno : r;
}

/* The inode number may soon be another file's. One that has more names keeps its ACL. */
static void forget_named_acls(struct tree *t, const struct stat *st)
{
	for (struct named_acls *n = t->named_acls; n; n = n->next)
		if (n->dev == st->st_dev && n->ino == st->st_ino && st->st_nlink == 1)
			n->ino = 0;
}

/* Removes what an earlier member left under this name. A directory that is not empty stays, and is
 * an error, as it is for GNU tar. What goes may have been on the cached path ("l/../x"). */
static int remove_existing(struct tree *t, int parent_fd, const char *name)
{
	struct stat st;

	if (t->named_acls && fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		forget_named_acls(t, &st);
	if (unlinkat(parent_fd, name, 0) < 0 &&
	    (errno != EISDIR || unlinkat(parent_fd, name, AT_REMOVEDIR) < 0))
		return -errno;
	free(t->parent_path);
	t->parent_path = NULL;
	return 0;
}

static int create_replacing(struct tree *t, const struct member *m, int parent_fd, const char *name)
{
	int r = create_inode(t, m, parent_fd, name);
	struct stat st;

	if (r != -EEXIST)
		return r;
	if (m->type == MEMBER_DIRECTORY &&
	    fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return 0;
	r = remove_existing(t, parent_fd, name);
	return r < 0 ? r : create_inode(t, m, parent_fd, name);
}

/* Where the current member is, without links: what lies behind a link now may lie elsewhere when the
 * link has changed. NULL without memory; the caller frees it. */
static char *real_path(const struct tree *t, const char *name)
{
	char *path;
	int n = asprintf(&path, "%s%s%s", t->parent_real, *t->parent_real && *name ? "/" : "",
			 name);

	return n < 0 ? NULL : path;
}

/* ---- directories: metadata at the end ---- */

static int remember_directory(struct tree *t, const struct member *m, int parent_fd,
			      const char *name)
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
	r = d->path ? copy_metadata(m, &d->meta) : -ENOMEM;
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
	_cleanup_close_ int parent_fd = -1, fd = -1;
	char name[NAME_MAX + 1];
	struct stat st;
	int r = inroot_open_parent(t->root_fd, d->path, false, &parent_fd, name, NULL);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	fd = openat(parent_fd, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_dev == d->dev && st.st_ino == d->ino ? apply_by_fd(t, fd, &d->meta) : 0;
}

/* ---- ACLs with names ---- */

static void free_named_acls(struct named_acls *n)
{
	xattrs_free(&n->xattrs);
	free(n->path);
	free(n);
}

static int remember_named_acls(struct tree *t, const struct member *m, int parent_fd,
			       const char *name)
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
			r = loss_is_allowed(t, name, ENOTSUP) ? 0 : r;
	}
	return r;
}

static int finish_named_acls(struct tree *t, const struct named_acls *n)
{
	_cleanup_close_ int parent_fd = -1;
	struct xattrs xattrs = { 0 };
	char name[NAME_MAX + 1];
	struct stat st;
	int r = inroot_open_parent(t->root_fd, n->path, false, &parent_fd, name, NULL);

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	if (!*name)
		strcpy(name, ".");
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != n->dev ||
	    st.st_ino != n->ino)
		return 0; /* a later member replaced it */
	r = resolve_named_acls(t, n, &xattrs);
	if (r == 0 && fchdir(parent_fd) < 0)
		r = -errno;
	if (r == 0)
		r = apply_xattrs(t, -1, name, &xattrs);
	xattrs_free(&xattrs);
	return r;
}

/* ---- the end ---- */

/* Children before parents, so that a parent's mode cannot lock an ordinary user out of them. */
int tree_finish(struct tree *t, struct fail *f)
{
	size_t n = 0;
	int r;

	forget_parent(t);
	for (const struct named_acls *a = t->named_acls; a; a = a->next) {
		r = finish_named_acls(t, a);
		if (r < 0)
			return fail_member(f, r, a->path, "cannot set its ACL");
	}
	if (t->n_directories > 0) {
		drop_superseded(t, &n);
		qsort(t->directories, n, sizeof(*t->directories), compare_orders_down);
	}
	for (size_t i = 0; i < n; i++) {
		r = finish_directory(t, &t->directories[i]);
		if (r < 0)
			return fail_member(f, r, t->directories[i].path,
					   "cannot set owner, mode, attributes or time");
	}
	return 0;
}

/* ---- members ---- */

static struct tree_file *take_spare(struct tree *t)
{
	struct tree_file *file;

	pthread_mutex_lock(&t->lock);
	file = t->spare;
	if (file)
		t->spare = file->next;
	pthread_mutex_unlock(&t->lock);
	return file ? file : calloc(1, sizeof(*file));
}

static void put_spare(struct tree_file *file)
{
	struct tree *t = file->tree;

	pthread_mutex_lock(&t->lock);
	file->next = t->spare;
	t->spare = file;
	pthread_mutex_unlock(&t->lock);
}

static int set_path(struct tree_file *file, const char *path)
{
	size_t need = strlen(path) + 1;

	if (need > file->path_room) {
		free(file->path);
		file->path_room = 0;
		file->path = malloc(need * 2);
		if (!file->path)
			return -ENOMEM;
		file->path_room = need * 2;
	}
	memcpy(file->path, path, need);
	return 0;
}

static int new_file(struct tree *t, const struct member *m, int fd, struct tree_file **ret)
{
	struct tree_file *file = take_spare(t);

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	file->tree = t;
	file->fd = fd;
	file->size = m->size;
	atomic_store(&file->holders, 1);
	atomic_store(&file->bad, false);
	if (set_path(file, m->path) < 0 || copy_metadata(m, &file->meta) < 0) {
		close(fd);
		put_spare(file);
		return -ENOMEM;
	}
	*ret = file;
	return 0;
}

static int complete_inode(struct tree *t, const struct member *m, int parent_fd, const char *name,
			  int fd, struct tree_file **ret_file)
{
	switch (m->type) {
	case MEMBER_FILE:
		return new_file(t, m, fd, ret_file);
	case MEMBER_DIRECTORY:
		return remember_directory(t, m, parent_fd, name);
	case MEMBER_HARDLINK:
		return 0;
	default:
		return apply_by_name(t, parent_fd, name, m);
	}
}

int tree_add(struct tree *t, const struct member *m, struct tree_file **ret_file, struct fail *f)
{
	char name[NAME_MAX + 1];
	int parent_fd, r;

	*ret_file = NULL;
	if (inroot_path_leaves(m->path))
		return fail_set(f, EXDEV, m->path, "Do not trust this archive.",
				"its '..' lead out of the root");
	parent_fd = find_parent(t, m->path, name);
	if (parent_fd < 0)
		return fail_member(f, parent_fd, m->path, "cannot reach its directory");
	if (!*name && m->type != MEMBER_DIRECTORY)
		return fail_set(f, EISDIR, m->path, NULL, "only a directory can be the root");
	r = *name ? create_replacing(t, m, parent_fd, name) : 0;
	if (r < 0 && m->type == MEMBER_HARDLINK)
		return fail_set(f, -r, m->path, "The archive is incomplete: pack the root again.",
				"cannot make the hard link to %s: %s", m->target, strerror(-r));
	if (r < 0)
		return fail_member(f, r, m->path, "cannot create it");
	r = complete_inode(t, m, parent_fd, name, r, ret_file);
	if (r == 0 && m->type != MEMBER_HARDLINK)
		r = remember_named_acls(t, m, parent_fd, name);
	return r < 0 ? fail_member(f, r, m->path, "cannot set owner, mode, attributes or time") : 0;
}

int tree_file_write(struct tree_file *file, const void *data, size_t size, uint64_t offset,
		    struct fail *f)
{
	const char *at = data;
	ssize_t n;

	while (size > 0) {
		n = pwrite(file->fd, at, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_member(f, n < 0 ? errno : ENOSPC, file->path,
					   "cannot write it");
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

void tree_file_hold(struct tree_file *file)
{
	atomic_fetch_add(&file->holders, 1);
}

/* A file that ends in a hole is longer than what was written. */
static int complete_file(struct tree_file *file)
{
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size != file->size && ftruncate(file->fd, (off_t)file->size) < 0)
		return -errno;
	return apply_by_fd(file->tree, file->fd, &file->meta);
}

int tree_file_release(struct tree_file *file, bool good, struct fail *f)
{
	int r = 0;

	if (!good)
		atomic_store(&file->bad, true);
	if (atomic_fetch_sub(&file->holders, 1) > 1)
		return 0;
	if (!atomic_load(&file->bad))
		r = complete_file(file);
	if (close(file->fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		fail_member(f, r, file->path, "cannot set size, owner, mode, attributes or time");
	put_spare(file);
	return r;
}

static void free_spare_files(struct tree *t)
{
	struct tree_file *file;

	while ((file = t->spare)) {
		t->spare = file->next;
		xattrs_free(&file->meta.xattrs);
		free(file->path);
		free(file);
	}
}

void tree_free(struct tree *t)
{
	struct named_acls *n;

	if (!t)
		return;
	for (size_t i = 0; i < t->n_directories; i++) {
		free(t->directories[i].path);
		xattrs_free(&t->directories[i].meta.xattrs);
	}
	free(t->directories);
	while ((n = t->named_acls)) {
		t->named_acls = n->next;
		free_named_acls(n);
	}
	free_spare_files(t);
	forget_parent(t);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void tree_losses(struct tree *t, struct tree_losses *ret)
{
	pthread_mutex_lock(&t->lock);
	*ret = t->losses;
	pthread_mutex_unlock(&t->lock);
}
