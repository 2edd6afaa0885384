/*
 * Where the data of a file of the root lies until it is written, and how it is read then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"
#include "tar/tar_extent.h"

/* More extents of one file would be more than every boot can take (PLAN_HEADERS_LEAST). */
#define FILE_EXTENTS_MAX 131072

/* A directory of this machine, from which files are packed. */
struct host_directory {
	struct host_directory *above; /* NULL: it is open at fd */
	struct host_directory *next;  /* for its owner */
	int fd;
	char name[];
};

/* The extents of a file with holes, as its archive has them. */
struct file_map {
	size_t n;
	struct tar_extent extents[];
};

enum file_data_kind {
	FILE_DATA_NONE,
	FILE_DATA_HOST, /* a file of this machine */
	FILE_DATA_SPAN, /* bytes of an archive or of a spool, holes left out */
	FILE_DATA_TEXT, /* in memory */
	FILE_DATA_LOST, /* it went by when nobody wanted it */
};

struct file_data {
	union {
		struct {
			const struct host_directory *directory;
			char *name; /* owned */
			ino_t ino;
		} host;
		struct {
			uint64_t offset;
			struct file_map *map; /* owned; NULL: it has no holes */
			int fd;
		} span;
		char *text; /* owned */
	} at;
	uint8_t kind;
};

void file_data_free(struct file_data *d);

/* Start with { .fd = -1 }; it serves one file after the other. */
struct file_reader {
	/* Of the file that was opened last: where it has data, as a tar may have it; n_extents 0: everywhere. */
	struct tar_extent *extents; /* owned */
	size_t n_extents;

	/* file_data.c's */
	const struct file_data *data;
	const char *path;
	uint64_t size, done; /* done: bytes of a span, holes not counted */
	int fd;              /* -1 */
	bool owns_fd;
	size_t extent;    /* that is read next, of a map or of extents */
	uint64_t offset;  /* in it */
	size_t room;      /* for extents */
	size_t chunk;     /* bytes to read at once */
	uint64_t widened; /* bytes of holes that became data */
	char *buffer;     /* owned */
	const struct host_directory *directory;
	int directory_fd; /* of it, owned; meaningless when that is NULL */
};

/* Opens the data of a file of size bytes; path: for messages. All stay the caller's and must live until the next one. */
int file_reader_open(struct file_reader *r, const struct file_data *d, uint64_t size,
		     const char *path, struct fail *f);

/* The next piece: 1; 0 at the end; -errno. Holes are left out. */
int file_reader_next(struct file_reader *r, const void **ret_data, size_t *ret_size,
		     uint64_t *ret_offset, struct fail *f);

void file_reader_close(struct file_reader *r);

/* The first room bytes at most, holes as zeros: their number, or -errno. */
ssize_t file_reader_head(struct file_reader *r, const struct file_data *d, uint64_t size,
			 const char *path, void *ret, size_t room, struct fail *f);

/* A descriptor to read the first bytes, at least most of them unless the file is shorter, from its start, holes as zeros. The
 * caller closes it. Or -errno. */
int file_reader_descriptor(struct file_reader *r, const struct file_data *d, uint64_t size,
			   uint64_t most, const char *path, struct fail *f);
