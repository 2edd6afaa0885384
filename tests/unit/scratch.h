/*
 * Files for unit tests: a directory of the test's own, below $TARBOOT_BUILD/tests or /tmp, that is
 * removed when the test ends. What goes wrong here is no test result: it ends the program.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tap.h"

static int scratch_base_fd = -1;
static char scratch_base[4096];
static pid_t scratch_owner;

_Noreturn static inline void scratch_die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* Passes on what a system call gave, when it gave something. */
#define must(call) must_(call, #call)
static inline int must_(int r, const char *what)
{
	if (r < 0)
		scratch_die(what);
	return r;
}

/* Removes name and what is below it. Step by step: paths may be longer than PATH_MAX. */
static inline void scratch_remove(int dir_fd, const char *name)
{
	struct dirent *e;
	DIR *dir;
	int fd;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return;
	(void)fchmodat(dir_fd, name, 0700, 0);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			scratch_remove(fd, e->d_name);
	if (dir)
		closedir(dir);
	(void)unlinkat(dir_fd, name, AT_REMOVEDIR);
}

static inline void scratch_clean(void)
{
	if (getpid() == scratch_owner)
		scratch_remove(AT_FDCWD, scratch_base);
}

static inline void scratch_open(void)
{
	scratch_owner = getpid();
	atexit(scratch_clean);
	scratch_base_fd = must(open(scratch_base, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* Called first by a test that makes thousands of trees: they then lie in memory, where that holds all
 * that a tree can have (tmpfs has user attributes since Linux 6.6). */
static inline void scratch_in_memory(void)
{
	strcpy(scratch_base, "/dev/shm/tarboot-unit-XXXXXX");
	if (mkdtemp(scratch_base)) {
		if (setxattr(scratch_base, "user.test", "", 0, 0) == 0 &&
		    removexattr(scratch_base, "user.test") == 0) {
			scratch_open();
			return;
		}
		rmdir(scratch_base);
	}
	*scratch_base = '\0';
}

/* A new empty directory in the scratch directory; the descriptor is the caller's. */
static inline int scratch_dir(const char *name)
{
	const char *build = getenv("TARBOOT_BUILD");

	if (scratch_base_fd < 0) {
		/* Absolute, since tree.c moves the working directory. */
		if (build && *build == '/')
			snprintf(scratch_base, sizeof(scratch_base), "%s/tests/unit-XXXXXX", build);
		if (!*scratch_base || !mkdtemp(scratch_base)) {
			strcpy(scratch_base, "/tmp/tarboot-unit-XXXXXX");
			if (!mkdtemp(scratch_base))
				scratch_die(scratch_base);
		}
		scratch_open();
	}
	must(mkdirat(scratch_base_fd, name, 0755));
	return must(openat(scratch_base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static inline void put_data(int dir_fd, const char *name, const void *data, size_t size,
			    mode_t mode)
{
	int fd = must(openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));

	if (write(fd, data, size) != (ssize_t)size)
		scratch_die(name);
	must(fchmod(fd, mode));
	close(fd);
}

static inline void put_file(int dir_fd, const char *name, const char *text, mode_t mode)
{
	put_data(dir_fd, name, text, strlen(text), mode);
}

/* The text of a small file; "" when it cannot be read. Valid until the next call. */
static inline const char *get_file(int dir_fd, const char *name)
{
	static char text[65536];
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* A descriptor of a nameless file with this content, positioned at its start. */
static inline int data_file(const void *data, size_t size)
{
	static unsigned count;
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "data-%u", count++);
	if (scratch_base_fd < 0)
		close(scratch_dir("data"));
	fd = must(openat(scratch_base_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	must(unlinkat(scratch_base_fd, name, 0));
	for (size_t at = 0; at < size;) {
		ssize_t n = write(fd, (const char *)data + at, size - at);

		if (n < 0)
			scratch_die("data file");
		at += (size_t)n;
	}
	must((int)lseek(fd, 0, SEEK_SET));
	return fd;
}

/* Open descriptors of this process, to see that none is left behind; -1 without /proc. */
static inline int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A copy that ends where the bytes end, so that ASan sees a read behind it. */
static inline void *exact_copy(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		scratch_die("malloc");
	if (size)
		memcpy(copy, data, size);
	return copy;
}
