/*
 * treelist: print everything that a tar archive can carry about a tree, one line per path, so that
 * the tree which was packed and the tree which was booted can be compared with cmp.
 *
 *     treelist [-x PATH]... ROOT
 *
 * Static and without helpers: it also runs inside the guest before the new init does. It must not
 * change the tree (no atime either) and must print the same text for the same tree on any file
 * system, so inode numbers, directory sizes and directory link counts stay out.
 */
#define _GNU_SOURCE
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
#define SPARSE_MIN (1 << 20)

/* <linux/limits.h>: the most that a list of names or a value can take; musl has no linux headers. */
#define XATTR_MAX 65536

struct entry {
	char *path;
	char *line; /* all fields after the path */
	dev_t dev;
	ino_t ino;
	bool linked;       /* not a directory and has further names */
	const char *first; /* path of the first name of a linked inode */
};

static struct entry *entries;
static size_t n_entries;
static char **arg_exclude;
static int n_exclude;
static int exit_code;

static void fail(const char *path, const char *what)
{
	fprintf(stderr, "treelist: %s: %s: %s\n", path, what, strerror(errno));
	exit_code = 1;
}

static void *check(void *p)
{
	if (!p) {
		fputs("treelist: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

/* Printable ASCII without space and backslash as it is, all other bytes as \xNN. */
static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c > ' ' && c < 0x7f && c != '\\')
			fputc(c, f);
		else
			fprintf(f, "\\x%02x", c);
	}
}

static bool excluded(const char *path)
{
	for (int i = 0; i < n_exclude; i++)
		if (strcmp(path, arg_exclude[i]) == 0)
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_xattr(FILE *f, const char *path, const char *name, const char *key)
{
	static unsigned char value[XATTR_MAX];
	ssize_t n = lgetxattr(name, key, value, sizeof(value));

	if (n < 0) {
		fail(path, key);
		return;
	}
	fputc(' ', f);
	put_escaped(f, key);
	fputc('=', f);
	for (ssize_t i = 0; i < n; i++)
		fprintf(f, "%02x", value[i]);
}

static void put_xattrs(FILE *f, const char *path, const char *name)
{
	static char list[XATTR_MAX];
	ssize_t n = llistxattr(name, list, sizeof(list));
	char **keys;
	size_t n_keys = 0;

	if (n < 0 && errno != ENOTSUP)
		fail(path, "llistxattr");
	if (n <= 0)
		return;
	keys = check(calloc((size_t)n, sizeof(*keys)));
	for (char *key = list; key < list + n; key += strlen(key) + 1)
		keys[n_keys++] = key;
	qsort(keys, n_keys, sizeof(*keys), compare_strings);
	for (size_t i = 0; i < n_keys; i++)
		put_xattr(f, path, name, keys[i]);
	free(keys);
}

static void put_content(FILE *f, const char *path, const char *name, const struct stat *st)
{
	static uint8_t buffer[1 << 20];
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
	uint64_t crc = 0;
	ssize_t n;

	if (fd < 0) {
		fail(path, "open");
		return;
	}
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		crc = lzma_crc64(buffer, (size_t)n, crc);
	if (n < 0)
		fail(path, "read");
	close(fd);
	fprintf(f, " size=%jd crc64=%016jx", (intmax_t)st->st_size, (uintmax_t)crc);
	if (st->st_size >= SPARSE_MIN && st->st_blocks * 512 < st->st_size / 2)
		fputs(" sparse", f);
}

static void put_target(FILE *f, const char *path, const char *name)
{
	char target[4097];
	ssize_t n = readlink(name, target, sizeof(target) - 1);

	if (n < 0) {
		fail(path, "readlink");
		return;
	}
	target[n] = '\0';
	fputs(" -> ", f);
	put_escaped(f, target);
}

static char type_letter(mode_t mode)
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
static char *describe(const char *path, const char *name, const struct stat *st)
{
	char *line = NULL;
	size_t size;
	FILE *f = check(open_memstream(&line, &size));

	/* seconds and nanoseconds as the kernel counts them: -1.5 s is -2.500000000 */
	fprintf(f, "%c %04o %u %u %jd.%09ld", type_letter(st->st_mode), st->st_mode & 07777,
		st->st_uid, st->st_gid, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (!S_ISDIR(st->st_mode))
		fprintf(f, " nlink=%ju", (uintmax_t)st->st_nlink);
	if (S_ISREG(st->st_mode))
		put_content(f, path, name, st);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		fprintf(f, " rdev=%u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (S_ISLNK(st->st_mode))
		put_target(f, path, name);
	put_xattrs(f, path, name);
	fclose(f);
	return check(line);
}

static void add_entry(const char *path, const char *name, const struct stat *st)
{
	struct entry *e;

	if (n_entries % 1024 == 0)
		entries = check(realloc(entries, (n_entries + 1024) * sizeof(*entries)));
	e = &entries[n_entries++];
	*e = (struct entry){
		.path = check(strdup(path)),
		.line = describe(path, name, st),
		.dev = st->st_dev,
		.ino = st->st_ino,
		.linked = !S_ISDIR(st->st_mode) && st->st_nlink > 1,
	};
}

static void list_directory(const char *path, dev_t dev);

/* Handle one name of the working directory; parent is that directory's path, "" at the top. */
static void list_name(const char *parent, const char *name, dev_t dev)
{
	struct stat st;
	char *path = NULL;

	if (asprintf(&path, "%s%s%s", parent, *parent ? "/" : "", name) < 0)
		check(NULL);
	if (excluded(path))
		goto out;
	if (lstat(name, &st) < 0) {
		fail(path, "lstat");
		goto out;
	}
	/* Only directories tell a mount: on overlayfs files have devices of their own. */
	if (S_ISDIR(st.st_mode) && st.st_dev != dev)
		goto out;
	add_entry(path, name, &st);
	if (S_ISDIR(st.st_mode)) {
		if (chdir(name) < 0)
			fail(path, "chdir");
		else
			list_directory(path, dev);
	}
out:
	free(path);
}

/* List the working directory, then return to its parent. Step by step, because a path from the root
 * may be longer than PATH_MAX. */
static void list_directory(const char *path, dev_t dev)
{
	DIR *dir = NULL;
	struct dirent *d;
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);

	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir) {
		fail(path, "open");
		exit(1); /* the working directory is lost */
	}
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			list_name(path, d->d_name, dev);
	closedir(dir);
	if (*path && chdir("..") < 0) {
		fail(path, "chdir ..");
		exit(1);
	}
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static int compare_inodes(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a;
	const struct entry *y = *(struct entry *const *)b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* Give every name of an inode the first of its listed names. */
static void find_first_names(void)
{
	struct entry **linked = check(calloc(n_entries + 1, sizeof(*linked)));
	size_t n = 0;

	for (size_t i = 0; i < n_entries; i++)
		if (entries[i].linked)
			linked[n++] = &entries[i];
	qsort(linked, n, sizeof(*linked), compare_inodes);
	for (size_t i = 0; i < n; i++) {
		bool same = i > 0 && linked[i]->dev == linked[i - 1]->dev &&
			    linked[i]->ino == linked[i - 1]->ino;

		linked[i]->first = same ? linked[i - 1]->first : linked[i]->path;
	}
	free(linked);
}

static void print_entries(void)
{
	qsort(entries, n_entries, sizeof(*entries), compare_paths);
	find_first_names();
	for (size_t i = 0; i < n_entries; i++) {
		put_escaped(stdout, entries[i].path);
		printf(" %s", entries[i].line);
		if (entries[i].first) {
			fputs(" inode=", stdout);
			put_escaped(stdout, entries[i].first);
		}
		putchar('\n');
	}
}

static char *strip_root(char *path)
{
	while (*path == '/' || strncmp(path, "./", 2) == 0)
		path++;
	return path;
}

static void parse_args(int argc, char **argv)
{
	int c;

	arg_exclude = check(calloc((size_t)argc, sizeof(*arg_exclude)));
	while ((c = getopt(argc, argv, "x:")) == 'x')
		arg_exclude[n_exclude++] = strip_root(optarg);
	if (c != -1 || optind != argc - 1) {
		fputs("usage: treelist [-x PATH]... ROOT\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct stat st;

	parse_args(argc, argv);
	if (chdir(argv[optind]) < 0 || lstat(".", &st) < 0) {
		fail(argv[optind], "chdir");
		return 1;
	}
	if (!excluded("."))
		add_entry(".", ".", &st);
	list_directory("", st.st_dev);
	print_entries();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fail("standard output", "write");
		return 1;
	}
	return exit_code;
}
