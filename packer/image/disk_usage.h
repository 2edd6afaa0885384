/*
 * Sizes in an image: of its directories, with all that is below, and of its files.
 */
#pragma once

#include <stdio.h>

#include "image/contents.h"

struct disk_usage_entry {
	const char *path; /* "" = the root */
	size_t length; /* bytes of path, because the path of a directory is the beginning of a member's */
	size_t number; /* its rank by path, among directories or files */
	uint64_t members;
	uint64_t ram;  /* bytes */
	double packed; /* bytes of the image */
};

struct disk_usage {
	struct disk_usage_entry *directories, *files; /* owned; largest first */
	size_t n_directories, n_files;
};

/* Computes the sizes; the contents must outlive *ret. 0 or -ENOMEM. */
int disk_usage_of(const struct contents *l, struct disk_usage *ret);
void disk_usage_free(struct disk_usage *u);

/* The next directory to show, from *at on, or NULL. Skips directories of which a single subdirectory takes nearly
 * all. */
const struct disk_usage_entry *disk_usage_next_directory(const struct disk_usage *u, size_t *at);

/* Is e in the directory above, and in no other one in that? */
bool disk_usage_is_directly_below(const struct disk_usage_entry *e,
				  const struct disk_usage_entry *above);
