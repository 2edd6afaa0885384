/*
 * What the kinds of source share. A kind is a struct that starts with struct source.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "source/source.h"

struct source_kind {
	int (*next)(struct source *s, struct source_member *ret, struct fail *f);
	int (*place)(struct source *s, struct file_data *ret, struct fail *f);
	int (*read)(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		    struct fail *f);
	const struct tar_extent *(*extents)(struct source *s, size_t *ret_n);
	void (*settle)(struct source *s);
	void (*close)(struct source *s);
};

struct source {
	const struct source_kind *kind;
	uint64_t total, position, skipped, uncompressed;
	struct {
		dev_t dev;
		ino_t ino;
	} left_out[8]; /* see source_leave_out */
	size_t n_left_out;
	struct source_member current; /* freed by source.c */
};

bool source_leaves_out(const struct source *s, const struct stat *st);

/* Can the root in RAM have this attribute of a file, and should it? Others than those that tmpfs has belong to one file system:
 * the ACLs of NFSv4, "btrfs.compression"; of a file on Lustre, where it has the data. */
bool source_takes_xattr(const char *name, bool lustre);
