/*
 * The kinds of source behind source.h. A kind is a struct that starts with struct source.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "source.h"

struct source_kind {
	int (*next)(struct source *s, struct source_member *ret, struct fail *f);
	int (*read)(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		    struct fail *f);
	void (*close)(struct source *s);
};

struct source {
	const struct source_kind *kind;
	int root_fd; /* -1 = no directory */
	uint64_t total, position, skipped;
	struct {
		dev_t dev;
		ino_t ino;
	} left_out[8]; /* see source_leave_out */
	size_t n_left_out;
	char **mounts; /* see source_mounts; owned */
	size_t n_mounts;
	struct source_member current;                      /* freed by source.c */
	bool (*wanted)(const struct member *m, void *arg); /* NULL = all */
	void *wanted_arg;
	size_t extents_room;
	uint64_t widened; /* bytes of holes in the current member that became data */
	struct {
		char *data; /* owned */
		size_t size, room;
		bool is_next;     /* source_read() gives it first, */
		const void *rest; /* then, unless NULL, these bytes of the kind's */
		size_t rest_size;
		uint64_t rest_offset;
	} head; /* see source_peek */
};

int source_directory_open(int fd, struct source **ret, struct fail *f);
int source_tar_open(const char *path, struct source **ret, struct fail *f); /* NULL: stdin */

/* A tar, plain or compressed, that lies in a file: size bytes from offset. fd is taken over. */
int source_tar_open_range(int fd, uint64_t offset, uint64_t size, const char *name,
			  struct source **ret, struct fail *f);

/* The tar that a program writes to its standard output; its failure is the source's. name: for messages. */
int source_command_open(const char *const argv[], const char *name, struct source **ret,
			struct fail *f);

/* The root of the system on a virtual machine's disk. format: as qemu calls it. */
int source_disk_open(const char *path, const char *format, struct source **ret, struct fail *f);

/* A container image: a directory (fd, taken over) or a file (fd -1); see blobs.h. Its layers are one root. */
int source_layers_open(const char *path, int fd, struct source **ret, struct fail *f);

/* What kind of disk a file is, or NULL for none. */
const char *source_disk_format(const char *path);

/* Is the current member wanted? */
bool source_wants(const struct source *s);

bool source_leaves_out(const struct source *s, const struct stat *st);

/* Adds to s->mounts. 0 or -ENOMEM. */
int source_add_mount(struct source *s, const char *path);

/* Appends to s->current.extents. 0, -ENOMEM, or -EFBIG when too many holes would become data (SOURCE_EXTENTS_MAX). */
int source_add_extent(struct source *s, uint64_t offset, uint64_t size);
