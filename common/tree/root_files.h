/*
 * The files of a root, wherever it lies: in a directory, or in the packer's memory. Paths mean something inside the root
 * (inroot.h); links are followed unless it says otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct root_files {
	/* What is at path: at least st_mode and st_size. 0 or -errno. */
	int (*stat)(const struct root_files *r, const char *path, struct stat *ret);

	/* Opens a regular file, to read at most so many bytes from its start. Returns a descriptor that the caller closes, or -errno; -ENOENT
	 * for what is no file: a read from a fifo may wait for ever, and a device may do something when it is opened. */
	int (*open)(const struct root_files *r, const char *path, uint64_t max);

	/* Calls found for each name in a directory, in no order. 0; what found returned when that was not 0; -errno. */
	int (*list)(const struct root_files *r, const char *path,
		    int (*found)(void *arg, const char *name, bool is_directory), void *arg);

	/* The text of the link at path, with a NUL, cut to size bytes. 0 or -errno. */
	int (*read_link)(const struct root_files *r, const char *path, char *ret, size_t size);

	int fd; /* of the directory, or -1 */
};

/* The root open at fd, which stays the caller's. */
struct root_files root_files_at(int fd);

/* Is anything there? Is it a directory? */
bool root_files_has(const struct root_files *r, const char *path);
bool root_files_has_directory(const struct root_files *r, const char *path);

/* Is anything at one of these paths? paths ends with NULL. */
bool root_files_has_one_of(const struct root_files *r, const char *const *paths);

#define ROOT_TEXT_MAX (1 << 20) /* bytes: what is larger is no configuration */

/* The text of a file of at most so many bytes, the caller's; NULL if there is none, or none that can be read. */
char *root_files_read(const struct root_files *r, const char *path);
