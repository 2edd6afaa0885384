/*
 * A tree as text: everything that a tar archive can carry about it, one line per path, so that two
 * trees are the same when their texts are.
 *
 * Listing must not change the tree (no atime either) and must give the same text for the same tree
 * on any file system, so inode numbers, directory sizes and directory link counts stay out. It moves
 * the working directory; where that gets lost the program ends.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A file of at least this size counts as sparse when less than half of it is allocated; smaller
 * ones differ too much between file systems. */
#define LISTING_SPARSE_MIN (1 << 20)

/* <linux/limits.h>: the most that a list of names or a value can take; musl has no linux headers. */
#define LISTING_XATTR_MAX 65536

struct listing_options {
	const char *const *exclude; /* paths, with all below them */
	size_t n_exclude;
	bool no_xattrs;
};

struct listing_entry {
	char *path;
	char *line; /* all fields after the path */
	dev_t dev;
	ino_t ino;
	bool linked;       /* not a directory and has further names */
	const char *first; /* path of the first name of a linked inode */
};

struct listing {
	const struct listing_options *options;
	struct listing_entry *entries;
	size_t n;
	bool failed; /* something could not be read */
};

static inline void listing_fail(struct listing *l, const char *path, const char *what)
{
	fprintf(stderr, "listing: %s: %s: %s\n", path, what, strerror(errno));
	l->failed = true;
}

static inline void *listing_check(void *p)
{
	if (!p) {
		fputs("listing: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return p;
}

/* Printable ASCII without space and backslash as it is, all other bytes as \xNN. */
static inline void listing_put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c > ' ' && c < 0x7f && c != '\\')
			fputc(c, f);
		else
			fprintf(f, "\\x%02x", c);
	}
}

static inline void listing_put_xattr(FILE *f, const char *key, const unsigned char *value,
				     size_t size)
{
	fputc(' ', f);
	listing_put_escaped(f, key);
	fputc('=', f);
	for (size_t i = 0; i < size; i++)
		fprintf(f, "%02x", value[i]);
}

static inline int listing_compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void listing_put_xattrs(struct listing *l, FILE *f, const char *path,
				      const char *name)
{
	static char list[LISTING_XATTR_MAX];
	static unsigned char value[LISTING_XATTR_MAX];
	ssize_t n = llistxattr(name, list, sizeof(list)), size;
	char **keys;
	size_t n_keys = 0;

	if (n < 0 && errno != ENOTSUP)
		listing_fail(l, path, "llistxattr");
	if (n <= 0)
		return;
	keys = listing_check(calloc((size_t)n, sizeof(*keys)));
	for (char *key = list; key < list + n; key += strlen(key) + 1)
		keys[n_keys++] = key;
	qsort(keys, n_keys, sizeof(*keys), listing_compare_strings);
	for (size_t i = 0; i < n_keys; i++) {
		size = lgetxattr(name, keys[i], value, sizeof(value));
		if (size < 0)
			listing_fail(l, path, keys[i]);
		else
			listing_put_xattr(f, keys[i], value, (size_t)size);
	}
	free(keys);
}

static inline void listing_put_content(struct listing *l, FILE *f, const char *path,
				       const char *name, const struct stat *st)
{
	static uint8_t buffer[1 << 20];
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
	uint64_t crc = 0;
	ssize_t n;

	if (fd < 0) {
		listing_fail(l, path, "open");
		return;
	}
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		crc = lzma_crc64(buffer, (size_t)n, crc);
	if (n < 0)
		listing_fail(l, path, "read");
	close(fd);
	fprintf(f, " size=%jd crc64=%016jx", (intmax_t)st->st_size, (uintmax_t)crc);
	if (st->st_size >= LISTING_SPARSE_MIN && st->st_blocks * 512 < st->st_size / 2)
		fputs(" sparse", f);
}

static inline void listing_put_target(struct listing *l, FILE *f, const char *path,
				      const char *name)
{
	char target[4097];
	ssize_t n = readlink(name, target, sizeof(target) - 1);

	if (n < 0) {
		listing_fail(l, path, "readlink");
		return;
	}
	target[n] = '\0';
	fputs(" -> ", f);
	listing_put_escaped(f, target);
}

static inline char listing_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return '?';
	}
}

/* Name is relative to the working directory, path to the root of the listing. */
static inline char *listing_describe(struct listing *l, const char *path, const char *name,
				     const struct stat *st)
{
	char *line = NULL;
	size_t size;
	FILE *f = listing_check(open_memstream(&line, &size));

	/* seconds and nanoseconds as the kernel counts them: -1.5 s is -2.500000000 */
	fprintf(f, "%c %04o %u %u %jd.%09ld", listing_type(st->st_mode), st->st_mode & 07777,
		st->st_uid, st->st_gid, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (!S_ISDIR(st->st_mode))
		fprintf(f, " nlink=%ju", (uintmax_t)st->st_nlink);
	if (S_ISREG(st->st_mode))
		listing_put_content(l, f, path, name, st);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		fprintf(f, " rdev=%u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (S_ISLNK(st->st_mode))
		listing_put_target(l, f, path, name);
	if (!l->options->no_xattrs)
		listing_put_xattrs(l, f, path, name);
	fclose(f);
	return listing_check(line);
}

static inline void listing_add_entry(struct listing *l, const char *path, const char *name,
				     const struct stat *st)
{
	struct listing_entry *e;

	if (l->n % 1024 == 0)
		l->entries =
			listing_check(realloc(l->entries, (l->n + 1024) * sizeof(*l->entries)));
	e = &l->entries[l->n++];
	*e = (struct listing_entry){
		.path = listing_check(strdup(path)),
		.line = listing_describe(l, path, name, st),
		.dev = st->st_dev,
		.ino = st->st_ino,
		.linked = !S_ISDIR(st->st_mode) && st->st_nlink > 1,
	};
}

static inline bool listing_excludes(const struct listing *l, const char *path)
{
	for (size_t i = 0; i < l->options->n_exclude; i++)
		if (strcmp(path, l->options->exclude[i]) == 0)
			return true;
	return false;
}

static inline void listing_add_directory(struct listing *l, const char *path, dev_t dev);

/* Handles one name of the working directory; parent is that directory's path, "" at the top. */
static inline void listing_add_name(struct listing *l, const char *parent, const char *name,
				    dev_t dev)
{
	struct stat st;
	char *path = NULL;

	if (asprintf(&path, "%s%s%s", parent, *parent ? "/" : "", name) < 0)
		listing_check(NULL);
	if (listing_excludes(l, path))
		goto out;
	if (lstat(name, &st) < 0) {
		listing_fail(l, path, "lstat");
		goto out;
	}
	/* Only directories tell a mount: on overlayfs files have devices of their own. */
	if (S_ISDIR(st.st_mode) && st.st_dev != dev)
		goto out;
	listing_add_entry(l, path, name, &st);
	if (S_ISDIR(st.st_mode)) {
		if (chdir(name) < 0)
			listing_fail(l, path, "chdir");
		else
			listing_add_directory(l, path, dev);
	}
out:
	free(path);
}

/* Lists the working directory, then returns to its parent. Step by step, because a path from the
 * root may be longer than PATH_MAX. */
static inline void listing_add_directory(struct listing *l, const char *path, dev_t dev)
{
	DIR *dir = NULL;
	struct dirent *d;
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);

	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir) {
		listing_fail(l, path, "open");
		exit(EXIT_FAILURE);
	}
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			listing_add_name(l, path, d->d_name, dev);
	closedir(dir);
	if (*path && chdir("..") < 0) {
		listing_fail(l, path, "chdir ..");
		exit(EXIT_FAILURE);
	}
}

static inline int listing_compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct listing_entry *)a)->path,
		      ((const struct listing_entry *)b)->path);
}

static inline int listing_compare_inodes(const void *a, const void *b)
{
	const struct listing_entry *x = *(struct listing_entry *const *)a;
	const struct listing_entry *y = *(struct listing_entry *const *)b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* Gives every name of an inode the first of its listed names. */
static inline void listing_find_first_names(struct listing *l)
{
	struct listing_entry **linked = listing_check(calloc(l->n + 1, sizeof(*linked)));
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].linked)
			linked[n++] = &l->entries[i];
	qsort(linked, n, sizeof(*linked), listing_compare_inodes);
	for (size_t i = 0; i < n; i++) {
		bool same = i > 0 && linked[i]->dev == linked[i - 1]->dev &&
			    linked[i]->ino == linked[i - 1]->ino;

		linked[i]->first = same ? linked[i - 1]->first : linked[i]->path;
	}
	free(linked);
}

static inline void listing_print(FILE *out, struct listing *l)
{
	if (l->n > 0)
		qsort(l->entries, l->n, sizeof(*l->entries), listing_compare_paths);
	listing_find_first_names(l);
	for (size_t i = 0; i < l->n; i++) {
		listing_put_escaped(out, l->entries[i].path);
		fprintf(out, " %s", l->entries[i].line);
		if (l->entries[i].first) {
			fputs(" inode=", out);
			listing_put_escaped(out, l->entries[i].first);
		}
		fputc('\n', out);
	}
	for (size_t i = 0; i < l->n; i++) {
		free(l->entries[i].path);
		free(l->entries[i].line);
	}
	free(l->entries);
}

/* Lists the working directory as the root of a tree; false when something could not be read, which
 * is said on standard error. */
static inline bool listing_of_cwd(FILE *out, const struct listing_options *options)
{
	struct listing l = { .options = options };
	struct stat st;

	if (lstat(".", &st) < 0) {
		listing_fail(&l, ".", "lstat");
		return false;
	}
	if (!listing_excludes(&l, "."))
		listing_add_entry(&l, ".", ".", &st);
	listing_add_directory(&l, "", st.st_dev);
	listing_print(out, &l);
	return !l.failed;
}

/* The tree below dir_fd; the caller frees it. "" when something could not be read. */
static inline char *listing_text(int dir_fd, const struct listing_options *options)
{
	char *text = NULL;
	size_t size;
	FILE *f = listing_check(open_memstream(&text, &size));
	bool good = fchdir(dir_fd) == 0 && listing_of_cwd(f, options);

	fclose(f);
	if (good)
		return listing_check(text);
	free(text);
	return listing_check(strdup(""));
}

/* The first line in which two texts differ, for messages; NULL when they do not. Valid until the
 * next call. */
static inline const char *listing_difference(const char *have, const char *want)
{
	static char line[1000];
	size_t i = 0, start = 0;

	for (; have[i] && have[i] == want[i]; i++)
		if (have[i] == '\n')
			start = i + 1;
	if (have[i] == want[i])
		return NULL;
	snprintf(line, sizeof(line), "have %.*s, want %.*s", (int)strcspn(have + start, "\n"),
		 have + start, (int)strcspn(want + start, "\n"), want + start);
	return line;
}
