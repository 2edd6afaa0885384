/* Output files are written without a name (O_TMPFILE, from Linux 3.11 on most file systems) or with a temporary name. */
#include "base/out.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fields.h"

#define COPY_SIZE (1 << 20)
#define OPEN_MAX_OUTS 4

/* Files that the signal handler removes. Only the main thread sets and clears the slots. */
static char *volatile pending[OPEN_MAX_OUTS];

/* Also directories that are not complete yet. */
static struct out_guard *volatile guards;

/* Removes the files in it. A signal handler may not use readdir(), which takes memory. */
static void empty_directory(int fd)
{
	struct entry { /* as the kernel has it */
		uint64_t inode, offset;
		unsigned short size;
		unsigned char type;
		char name[];
	} * e;
	_Alignas(struct entry) char entries[4096];
	bool is_removed = true;
	long n;

	while (is_removed) {
		is_removed = false;
		lseek(fd, 0, SEEK_SET);
		while ((n = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
			for (char *at = entries; at < entries + n; at += e->size) {
				e = (struct entry *)(void *)at;
				is_removed |= unlinkat(fd, e->name, 0) == 0;
			}
	}
}

static void remove_directory(const char *path, const char *const *files)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !files)
		empty_directory(fd);
	for (; fd >= 0 && files && *files; files++)
		unlinkat(fd, *files, 0);
	rmdir(path);
}

static void remove_pending(int signal)
{
	for (size_t i = 0; i < OPEN_MAX_OUTS; i++)
		if (pending[i])
			unlink(pending[i]);
	for (struct out_guard *g = guards; g; g = g->next)
		remove_directory(g->path, g->files);
	raise(signal); /* SA_RESETHAND: this time the signal ends the program */
}

void out_catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ };
	struct sigaction action = { .sa_handler = remove_pending, .sa_flags = SA_RESETHAND };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

void out_guard_add(struct out_guard *g)
{
	g->next = guards;
	guards = g;
}

void out_guard_remove(struct out_guard *g)
{
	struct out_guard *before = guards;

	if (guards == g) {
		guards = g->next;
		return;
	}
	while (before && before->next != g)
		before = before->next;
	if (before)
		before->next = g->next;
}

static void set_pending(char *from, char *to)
{
	for (size_t i = 0; i < OPEN_MAX_OUTS; i++) {
		if (pending[i] == from) {
			pending[i] = to;
			return;
		}
	}
}

/* No signal may arrive between creating a name in the file system and adding it to pending. */
static void block_signals(bool block)
{
	static sigset_t before;
	sigset_t all;

	sigfillset(&all);
	if (block)
		sigprocmask(SIG_BLOCK, &all, &before);
	else
		sigprocmask(SIG_SETMASK, &before, NULL);
}

static void free_out(struct out *o)
{
	if (o->temporary)
		set_pending(o->temporary, NULL);
	cleanup_close(&o->fd);
	free(o->path);
	free(o->temporary);
	*o = (struct out){ .fd = -1 };
}

/* ---- the target ---- */

/* Resolves all symbolic links of the path and its directory. The file itself need not exist. ret is a buffer of
 * PATH_MAX. 0, or -errno for the directory. */
static int resolve(const char *path, char *ret)
{
	char text[PATH_MAX], link[PATH_MAX], *slash;
	size_t length;
	ssize_t n;

	if (snprintf(text, sizeof(text), "%s%s", *path == '/' ? "" : "./", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (int i = 0; i < 40 && (n = readlink(text, link, sizeof(link) - 1)) >= 0; i++) {
		link[n] = '\0';
		slash = *link == '/' ? text : strrchr(text, '/') + 1;
		if ((size_t)(slash - text) + (size_t)n >= sizeof(text))
			return -ENAMETOOLONG;
		strcpy(slash, link);
	}
	slash = strrchr(text, '/');
	*slash = '\0';
	if (!realpath(*text ? text : "/", ret))
		return -errno;
	length = strlen(ret);
	if (length + strlen(slash + 1) + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(ret + length, PATH_MAX - length, "%s%s", length > 1 ? "/" : "", slash + 1);
	return 0;
}

/* A file in a container may be a mount point, which cannot be replaced. Spaces are \040 in the list of mounts. */
static bool is_mount_point(const char *path)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	char line[2 * PATH_MAX], escaped[PATH_MAX], where[PATH_MAX];
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = sscanf(line, "%*s %*s %*s %*s %4095s", escaped) == 1 &&
			field_decode_path((struct field){ escaped, strlen(escaped) }, where,
					  sizeof(where)) &&
			strcmp(where, path) == 0;
	if (in)
		fclose(in);
	return found;
}

static const char *kind_name(mode_t mode)
{
	return S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static const char todo_file[] = "Give the name of a file.";

static int fail_directory(int error, const char *path, struct fail *f)
{
	bool is_missing = error == ENOENT || error == ENOTDIR;

	return fail_set(f, error, path,
			is_missing ? "Create that directory first, or give another one." : NULL,
			"cannot write into its directory: %s", strerror(error));
}

/* Checks that the file can be replaced. ret, of PATH_MAX bytes, is its path without links. ret_st->st_mode is 0 if
 * there is no such file. */
static int find_target(const char *path, char *ret, struct stat *ret_st, struct fail *f)
{
	struct stat same;
	int r;

	if (strcmp(path, "-") == 0)
		return fail_set(f, EINVAL, path,
				"Give the name of a file (./- for one that is called -).",
				"this cannot be written to standard output");
	*ret_st = (struct stat){ 0 };
	if (stat(path, ret_st) < 0 && errno != ENOENT)
		return fail_errno(f, errno, path, "cannot write it");
	if (S_ISDIR(ret_st->st_mode) || ends_with(path, "/"))
		return fail_set(f, EISDIR, path, "Give the name of a file in it.",
				"it is a directory");
	if (ret_st->st_mode && !S_ISREG(ret_st->st_mode))
		return fail_set(f, EINVAL, path, todo_file, "it is %s: only a file can be replaced",
				kind_name(ret_st->st_mode));
	r = resolve(path, ret);
	if (r < 0)
		return fail_directory(-r, path, f);
	if (ret_st->st_mode && (lstat(ret, &same) < 0 || same.st_ino != ret_st->st_ino ||
				same.st_dev != ret_st->st_dev))
		return fail_set(f, EINVAL, path, todo_file, "it is a file without a name");
	if (ret_st->st_mode && is_mount_point(ret))
		return fail_set(f, EBUSY, path, "Give another file, or mount its directory.",
				"it is a mount point, so it cannot be replaced");
	return 0;
}

int out_check(const char *path, const char *source, struct fail *f)
{
	char target[PATH_MAX], other[PATH_MAX], *slash;
	struct stat st;
	int r = find_target(path, target, &st, f);

	if (r < 0)
		return r;
	if (source && strcmp(source, "-") != 0 && resolve(source, other) == 0 &&
	    strcmp(target, other) == 0)
		return fail_set(
			f, EINVAL, path, "Give another name.",
			"it would overwrite another file that this command reads or writes");
	slash = strrchr(target, '/');
	slash[slash == target] = '\0';
	return faccessat(AT_FDCWD, target, W_OK | X_OK, AT_EACCESS) == 0
		       ? 0
		       : fail_directory(errno, path, f);
}

/* ---- opening ---- */

/* -1: unnamed files are not supported, or cannot be given a name later. */
static int open_without_name(const char *path)
{
	_cleanup_free_ char *directory = strdup(path);
	char name[32];
	int fd;

	if (!directory)
		return -1;
	fd = open(dirname(directory), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (fd >= 0 && access(name, F_OK) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A name in the directory of path with this suffix, shortened if it would be too long; NULL: out of memory. */
static char *name_beside(const char *path, const char *end)
{
	const char *base = strrchr(path, '/') + 1;
	int length = (int)(base - path) + (int)min_u64(strlen(base), NAME_MAX - strlen(end));
	char *name;

	return asprintf(&name, "%.*s%s", length, path, end) < 0 ? NULL : name;
}

static int open_with_name(struct out *o)
{
	int r = 0;

	o->temporary = name_beside(o->path, ".XXXXXX");
	if (!o->temporary)
		return -ENOMEM;
	block_signals(true);
	o->fd = mkostemp(o->temporary, O_CLOEXEC);
	if (o->fd < 0)
		r = -errno;
	else
		set_pending(NULL, o->temporary);
	block_signals(false);
	return r;
}

/* Gives the new file owner, group and mode of the old one. If it cannot have that group, the group gets no
 * permissions. */
static void set_mode(int fd, enum out_mode mode, const struct stat *old)
{
	mode_t mask = umask(0), bits = mode == OUT_SHARED ? 0666 & ~mask : 0600;

	umask(mask);
	if (mode == OUT_PUBLISHED)
		bits = 0644;
	else if (old->st_mode) {
		bits = old->st_mode & 0777;
		if (fchown(fd, old->st_uid, old->st_gid) < 0 &&
		    fchown(fd, (uid_t)-1, old->st_gid) < 0)
			bits &= ~(mode_t)0070;
	}
	(void)fchmod(fd, mode == OUT_SECRET ? 0600 : bits);
}

/* target: without links, but for messages, which say path. */
static int open_target(const char *target, const char *path, struct out *ret, struct fail *f)
{
	struct out o = { .fd = -1, .path = strdup(target) };
	int r = 0;

	if (!o.path)
		return fail_errno(f, ENOMEM, path, "cannot write it");
	o.fd = open_without_name(target);
	if (o.fd < 0)
		r = open_with_name(&o);
	if (r < 0) {
		free_out(&o);
		return fail_errno(f, r, path, "cannot create it");
	}
	*ret = o;
	return 0;
}

int out_open(const char *path, enum out_mode mode, struct out *ret, struct fail *f)
{
	char target[PATH_MAX];
	struct stat old;
	int r = find_target(path, target, &old, f);

	if (r == 0)
		r = open_target(target, path, ret, f);
	if (r == 0)
		set_mode(ret->fd, mode, &old);
	return r;
}

int out_open_unnamed(const char *path, struct out *ret, struct fail *f)
{
	int r = open_target(path, path, ret, f);

	if (r == 0 && ret->temporary) {
		unlink(ret->temporary);
		set_pending(ret->temporary, NULL);
		free(ret->temporary);
		ret->temporary = NULL;
	}
	return r;
}

int out_write(struct out *o, const void *data, size_t size, struct fail *f)
{
	const char *at = data;
	ssize_t n;

	while (size > 0) {
		n = write(o->fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(f, errno, o->path, "cannot write it");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The directory must be synced, too, before success is reported. */
static void sync_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (copy)
		fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

int out_copy(struct out *o, int fd, uint64_t from, uint64_t size, const char *name, struct fail *f)
{
	_cleanup_free_ char *block = malloc(COPY_SIZE);
	ssize_t n;
	int r = block ? 0 : fail_errno(f, ENOMEM, o->path, "cannot write it");

	while (r == 0 && size > 0) {
		n = pread(fd, block, (size_t)min_u64(COPY_SIZE, size), (off_t)from);
		if (n <= 0)
			return fail_errno(f, n < 0 ? errno : ENODATA, name, "cannot read it");
		r = out_write(o, block, (size_t)n, f);
		from += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return r;
}

int out_print_aside(const char *path, int (*print)(FILE *out, const void *arg), const void *arg,
		    struct out *ret, struct fail *f)
{
	FILE *file;
	int r = out_open(path, OUT_SHARED, ret, f);

	if (r < 0)
		return r;
	file = fdopen(dup(ret->fd), "w");
	if (file)
		r = print(file, arg);
	if (!file || (ferror(file) | fclose(file)))
		r = -errno;
	if (r < 0) {
		fail_errno(f, r, path, "cannot write it");
		out_abandon(ret);
	}
	return r;
}

int out_print(const char *path, int (*print)(FILE *out, const void *arg), const void *arg,
	      struct fail *f)
{
	struct out out;
	int r = out_print_aside(path, print, arg, &out, f);

	return r == 0 ? out_commit(&out, f) : r;
}

/* Gives an unnamed file its name, or a temporary name if it replaces a file. 0 or -errno. */
static int link_out(struct out *o)
{
	char fd[32], end[16];
	int r;

	snprintf(fd, sizeof(fd), "/proc/self/fd/%d", o->fd);
	r = linkat(AT_FDCWD, fd, AT_FDCWD, o->path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
	for (unsigned i = 0; r == -EEXIST && !o->temporary && i < 1000; i++) {
		_cleanup_free_ char *name = NULL;

		snprintf(end, sizeof(end), ".%06x", ((unsigned)getpid() * 1000 + i) & 0xffffff);
		name = name_beside(o->path, end);
		if (!name)
			return -ENOMEM;
		if (linkat(AT_FDCWD, fd, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
			o->temporary = name;
			set_pending(NULL, name);
			name = NULL;
			r = 0;
		} else
			r = -errno;
	}
	return r;
}

/* The caller has blocked signals. */
static int give_name(struct out *o, struct fail *f)
{
	int r = o->temporary ? 0 : link_out(o);

	if (r == 0 && o->temporary && rename(o->temporary, o->path) < 0)
		r = -errno;
	if (r < 0 && o->temporary)
		unlink(o->temporary);
	return r < 0 ? fail_errno(f, r, o->path, "cannot rename the finished file to it") : 0;
}

int out_sync(struct out *o, struct fail *f)
{
	return fsync(o->fd) < 0 && errno != EINVAL
		       ? fail_errno(f, errno, o->path, "cannot write it to disk")
		       : 0;
}

int out_commit(struct out *o, struct fail *f)
{
	int r = out_sync(o, f);

	if (r < 0) {
		out_abandon(o);
		return r;
	}
	block_signals(true);
	r = give_name(o, f);
	block_signals(false);
	if (r == 0)
		sync_directory(o->path);
	free_out(o);
	return r;
}

int out_replace(const char *path, enum out_mode mode, const void *data, size_t size, struct fail *f)
{
	struct out out = { 0 };
	int r = out_open(path, mode, &out, f);

	if (r == 0)
		r = out_write(&out, data, size, f);
	if (r == 0)
		r = out_commit(&out, f);
	out_abandon(&out);
	return r;
}

/* ---- two files ---- */

/* Gives the file at path a second name, or another one if the file system has no hard links. False: there is no such
 * file. */
static bool keep_old(const char *path, const char *kept)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	unlink(kept);
	return link(path, kept) == 0 || rename(path, kept) == 0;
}

/* Renames the file beside first; if renaming the other one fails, that is undone. */
static int give_names(struct out *o, struct out *beside, const char *path, const char *kept,
		      struct fail *f)
{
	bool has_old = keep_old(path, kept);
	int r = 0;

	if (out_is_open(beside))
		r = give_name(beside, f);
	else if (has_old)
		unlink(path);
	if (r == 0)
		r = give_name(o, f);
	if (r < 0 && has_old)
		rename(kept, path);
	else if (r < 0 && out_is_open(beside))
		unlink(path);
	if (has_old && (r < 0 || out_is_open(beside)))
		unlink(kept); /* the second name of the file at path */
	return r;
}

int out_commit_pair(struct out *o, struct out *beside, const char *path, struct fail *f)
{
	_cleanup_free_ char *kept = NULL;
	int r = out_is_open(beside) ? out_sync(beside, f) : 0;

	if (r == 0)
		r = out_sync(o, f);
	if (out_is_open(beside)) {
		path = beside->path;
		kept = name_beside(path, ".before");
	} else if (asprintf(&kept, "%s.old", path) < 0)
		kept = NULL;
	if (r == 0 && !kept)
		r = fail_errno(f, ENOMEM, o->path, "cannot write it");
	if (r == 0) {
		block_signals(true);
		r = give_names(o, beside, path, kept, f);
		block_signals(false);
	}
	if (r == 0)
		sync_directory(o->path);
	free_out(o);
	free_out(beside);
	return r;
}

void out_abandon(struct out *o)
{
	if (!out_is_open(o))
		return;
	if (o->temporary)
		unlink(o->temporary);
	free_out(o);
}
