/*
 * A directory as a source: depth first, names in byte order, so that of several names of a file the same is the first
 * whatever readdir says. Does not leave its file system, nor enter what is mounted in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "source/mount_id.h"
#include "source/source_kinds.h"

#define XATTR_NAMES_MAX 65536   /* XATTR_LIST_MAX of linux/limits.h */
#define LUSTRE_MAGIC 0x0bd00bd0 /* as its f_type; not in linux/magic.h */

/* One directory on the way down. */
struct level {
	struct level *above;
	struct host_directory *host; /* the source's */
	int fd;
	char **names; /* sorted; owned */
	size_t n, next;
	size_t path_length; /* of this directory in path */
};

/* The first name of an inode with several. */
struct first_name {
	dev_t dev;
	ino_t ino;
	char path[];
};

struct source_directory {
	struct source base;
	struct level *level;
	dev_t dev;
	int mount; /* of the root; see mount_id.h */
	bool lustre, started;
	void *first_names;            /* tsearch tree of struct first_name */
	char *path;                   /* of the current member; owned */
	size_t path_room;             /* bytes */
	char target[PATH_MAX];        /* of the current symlink */
	struct host_directory *hosts; /* all that were entered; owned */
	const char *name;             /* of the current file, in level */
	ino_t ino;
	int root_fd;
};

/* ---- walking ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_level(struct level *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
	cleanup_close(&l->fd);
	free(l);
}

static int list_names(struct level *l)
{
	_cleanup_close_ int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	char **names;
	int r = 0;

	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	for (errno = 0; r == 0 && (e = readdir(dir)); errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		names = array_one_more(l->names, l->n, sizeof(*names));
		if (names) {
			l->names = names;
			names[l->n] = strdup(e->d_name);
		}
		r = names && names[l->n] ? 0 : -ENOMEM;
		l->n += r == 0;
	}
	if (r == 0 && errno)
		r = -errno;
	closedir(dir);
	if (l->n)
		qsort(l->names, l->n, sizeof(*l->names), compare_names);
	return r;
}

/* name behind the first length bytes of the path. It may be longer than init could unpack, or the kernel walk
 * in one step: below a directory that is left out, too. */
static int set_path(struct source_directory *d, size_t length, const char *name)
{
	size_t needed = length + strlen(name) + 2;
	char *path = needed > d->path_room ? realloc(d->path, 2 * needed) : d->path;

	if (!path)
		return -ENOMEM;
	if (needed > d->path_room)
		d->path_room = 2 * needed;
	d->path = path;
	sprintf(path + length, "%s%s", length ? "/" : "", name);
	return 0;
}

/* Keeps the way to a directory. NULL: there is no memory. */
static struct host_directory *add_host(struct source_directory *d, const char *name)
{
	size_t size = strlen(name) + 1;
	struct host_directory *h = malloc(sizeof(*h) + size);

	if (!h)
		return NULL;
	*h = (struct host_directory){ .above = d->level ? d->level->host : NULL,
				      .next = d->hosts,
				      .fd = d->level ? -1 : d->root_fd };
	memcpy(h->name, name, size);
	d->hosts = h;
	return h;
}

/* Goes down into the directory open at fd, which is taken over; its path is d->path. */
static int enter(struct source_directory *d, int fd, const char *name)
{
	struct level *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		close(fd);
		return -ENOMEM;
	}
	l->fd = fd;
	l->host = add_host(d, name);
	if (!l->host) {
		free_level(l);
		return -ENOMEM;
	}
	l->path_length = strlen(d->path);
	r = list_names(l);
	if (r < 0) {
		free_level(l);
		return r;
	}
	l->above = d->level;
	d->level = l;
	return 0;
}

/* Leaves directories that are done; false when nothing is left. */
static bool find_next(struct source_directory *d)
{
	struct level *l;

	while ((l = d->level) && l->next == l->n) {
		d->level = l->above;
		free_level(l);
	}
	return l != NULL;
}

/* ---- describing ---- */

static int read_xattr(struct source_directory *d, const char *proc_path, const char *name)
{
	char small[1024], *value = small;
	ssize_t n = lgetxattr(proc_path, name, small, sizeof(small));
	int r;

	if (n < 0 && errno == ERANGE) {
		n = lgetxattr(proc_path, name, NULL, 0);
		value = n < 0 ? NULL : malloc((size_t)n + 1);
		n = value ? lgetxattr(proc_path, name, value, (size_t)n) : -1;
	}
	r = n < 0 ? -errno : xattrs_add(&d->base.current.m.xattrs, name, value, (size_t)n);
	if (value != small)
		free(value);
	return r == -ENODATA ? 0 : r;
}

bool source_takes_xattr(const char *name, bool lustre)
{
	static const char *const namespaces[] = { "security.", "trusted.", "user." };
	static const char *const of_lustre[] = { "trusted.lov", "trusted.lma", "trusted.link",
						 "trusted.lmv" };

	for (size_t i = 0; lustre && i < ARRAY_SIZE(of_lustre); i++)
		if (strcmp(name, of_lustre[i]) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (strncmp(name, namespaces[i], strlen(namespaces[i])) == 0)
			return true;
	return strcmp(name, ACL_XATTR_ACCESS) == 0 || strcmp(name, ACL_XATTR_DEFAULT) == 0;
}

/* The link itself is meant, and there is no llistxattrat: through /proc/self/fd of its directory. */
static int read_xattrs(struct source_directory *d, int dir_fd, const char *name)
{
	char path[NAME_MAX + 64], small[4096], *list = small;
	ssize_t n;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	n = llistxattr(path, small, sizeof(small));
	if (n < 0 && errno == ERANGE) {
		list = malloc(XATTR_NAMES_MAX);
		n = list ? llistxattr(path, list, XATTR_NAMES_MAX) : -1;
	}
	if (n < 0)
		r = errno == ENOTSUP ? 0 : -errno;
	for (ssize_t at = 0; r == 0 && at < n; at += (ssize_t)strlen(list + at) + 1)
		if (source_takes_xattr(list + at, d->lustre))
			r = read_xattr(d, path, list + at);
	if (list != small)
		free(list);
	return r;
}

static int compare_first_names(const void *a, const void *b)
{
	const struct first_name *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* An inode that was seen before becomes a hard link to its first name. */
static int find_hardlink(struct source_directory *d, const struct stat *st, struct member *m)
{
	struct first_name *new = malloc(sizeof(*new) + strlen(d->path) + 1), **found;

	if (!new)
		return -ENOMEM;
	new->dev = st->st_dev;
	new->ino = st->st_ino;
	strcpy(new->path, d->path);
	found = tsearch(new, &d->first_names, compare_first_names);
	if (!found) {
		free(new);
		return -ENOMEM;
	}
	if (*found == new)
		return 0;
	free(new);
	m->type = MEMBER_HARDLINK;
	m->target = (*found)->path;
	return 0;
}

static int read_target(struct source_directory *d, int dir_fd, const char *name)
{
	ssize_t n = readlinkat(dir_fd, name, d->target, sizeof(d->target) - 1);

	if (n < 0)
		return -errno;
	d->target[n] = '\0';
	d->base.current.m.target = d->target;
	return 0;
}

/* False for a socket, which no archive holds. */
static bool describe(struct source_directory *d, const struct stat *st)
{
	struct member *m = &d->base.current.m;

	*m = (struct member){
		.path = *d->path ? d->path : ".",
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim,
		.rdev = st->st_rdev,
	};
	if (!member_type_of_mode(st->st_mode, &m->type))
		return false;
	m->size = m->type == MEMBER_FILE ? (uint64_t)st->st_size : 0;
	m->is_hole = m->size > 0 && st->st_blocks == 0;
	return true;
}

/* Of an overlayfs: names of one inode may be deletions in several directories. */
static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* Fills the current member from name in dir_fd. That it is the first name of a file counts only when all of it was read. */
static int read_member(struct source_directory *d, int dir_fd, const char *name,
		       const struct stat *st)
{
	struct member *m = &d->base.current.m;
	int r = m->type == MEMBER_SYMLINK ? read_target(d, dir_fd, name) : 0;

	d->name = name;
	d->ino = st->st_ino;
	if (r == 0)
		r = read_xattrs(d, dir_fd, name);
	if (r == 0 && !S_ISDIR(st->st_mode) && st->st_nlink > 1 && !is_whiteout(st))
		r = find_hardlink(d, st, m);
	return r;
}

/* The root itself. */
static int start(struct source_directory *d, struct fail *f)
{
	struct statfs fs;
	struct stat st;
	int r;

	d->started = true;
	if (fstat(d->root_fd, &st) < 0)
		return fail_errno(f, errno, ".", "cannot access it");
	d->lustre = fstatfs(d->root_fd, &fs) == 0 && fs.f_type == LUSTRE_MAGIC;
	d->dev = st.st_dev;
	d->mount = mount_id_of(d->root_fd);
	(void)describe(d, &st);
	r = read_xattrs(d, d->root_fd, ".");
	if (r == 0)
		r = enter(d, fcntl(d->root_fd, F_DUPFD_CLOEXEC, 0), "");
	return r < 0 ? fail_errno(f, r, ".", "cannot read the root directory") : 1;
}

/* A mount point stays as the empty directory that it will be, also of a part of the same file system (mount --bind). */
static int descend(struct source_directory *d, int dir_fd, const char *name, const struct stat *st)
{
	int fd, mount;

	if (!S_ISDIR(st->st_mode))
		return 0;
	if (st->st_dev != d->dev) {
		d->base.current.is_mount = true;
		return 0;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	mount = mount_id_of(fd);
	if (mount == d->mount || mount < 0 || d->mount < 0)
		return enter(d, fd, name);
	close(fd);
	d->base.current.is_mount = true;
	return 0;
}

/* It may be left out, which decide.c knows. Until then it is a directory, since any pattern may name one. */
static void describe_unreadable(struct source_directory *d, int error)
{
	static const struct stat directory = { .st_mode = S_IFDIR };

	(void)describe(d, &directory);
	d->base.current.error = error;
}

/* 1: it is the next member; 0: it is none, or was deleted meanwhile; -ENOMEM. */
static int read_name(struct source_directory *d, int dir_fd, const char *name)
{
	struct stat st;
	int r = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

	if (r == 0 && source_leaves_out(&d->base, &st))
		return 0;
	if (r == 0 && !describe(d, &st)) {
		d->base.skipped++;
		return 0;
	}
	if (r == 0)
		r = read_member(d, dir_fd, name, &st);
	if (r == 0)
		r = descend(d, dir_fd, name, &st);
	if (r == 0 || r == -ENOMEM)
		return r == 0 ? 1 : r;
	member_free(&d->base.current.m);
	if (r != -ENOENT)
		describe_unreadable(d, -r);
	return r != -ENOENT;
}

static int directory_next(struct source *s, struct source_member *ret, struct fail *f)
{
	struct source_directory *d = (struct source_directory *)s;
	struct level *l;
	const char *name;
	int r = 0;

	(void)ret; /* the current member */
	if (!d->started)
		return start(d, f);
	while (r == 0 && find_next(d)) {
		l = d->level;
		name = l->names[l->next++];
		r = set_path(d, l->path_length, name);
		if (r == 0)
			r = read_name(d, l->fd, name);
	}
	return r < 0 ? fail_errno(f, r, d->path, "cannot read it") : r;
}

static int directory_place(struct source *s, struct file_data *ret, struct fail *f)
{
	struct source_directory *d = (struct source_directory *)s;

	ret->at.host.directory = d->level->host;
	ret->at.host.ino = d->ino;
	ret->at.host.name = strdup(d->name);
	if (!ret->at.host.name)
		return fail_errno(f, ENOMEM, d->path, "cannot read it");
	ret->kind = FILE_DATA_HOST;
	return 1;
}

/* ---- opening ---- */

static void directory_close(struct source *s)
{
	struct source_directory *d = (struct source_directory *)s;
	struct host_directory *h;
	struct level *l;

	while ((l = d->level)) {
		d->level = l->above;
		free_level(l);
	}
	while (d->first_names) {
		struct first_name *first = *(struct first_name **)d->first_names;

		tdelete(first, &d->first_names, compare_first_names);
		free(first);
	}
	while ((h = d->hosts)) {
		d->hosts = h->next;
		free(h);
	}
	cleanup_close(&d->root_fd);
	free(d->path);
	free(d);
}

static const struct source_kind kind = { .next = directory_next,
					 .place = directory_place,
					 .close = directory_close };

/* A bind mount of it is another mount, in which /proc and the like are empty. */
static bool is_running_system(int fd)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st, running;

	return fstat(fd, &st) == 0 && fstat(root, &running) == 0 && st.st_dev == running.st_dev &&
	       st.st_ino == running.st_ino && mount_id_of(fd) == mount_id_of(root);
}

int source_directory_check(int fd, const char *path, struct fail *f)
{
	return is_running_system(fd)
		       ? fail_set(f, EINVAL, path,
				  "Pack a copy or a snapshot of it, for example a bind mount.",
				  "this is the running system")
		       : 0;
}

int source_directory_open(int fd, const char *path, struct source **ret, struct fail *f)
{
	struct source_directory *d;

	if (source_directory_check(fd, path, f) < 0) {
		close(fd);
		return -f->error;
	}
	d = calloc(1, sizeof(*d));
	if (!d || set_path(d, 0, "") < 0) {
		free(d);
		close(fd);
		return fail_errno(f, ENOMEM, path, "cannot read it");
	}
	d->base.kind = &kind;
	d->root_fd = fd;
	*ret = &d->base;
	return 0;
}
