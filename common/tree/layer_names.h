/*
 * The names that a layer has made, in a set that knows them by directory and name: what it deletes is what lower layers have.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define LAYER_NAMES_MAX (1 << 19) /* in one layer; bounds the memory, at 16 bytes each */
#define LAYER_DEPTH_MAX 256 /* levels of directories that it can delete: each takes descriptors */

struct layer_names {
	uint64_t *table; /* owned; 0 = free */
	size_t room;     /* a power of two, or 0 */
	size_t n;
};

/* A name in a directory. 0, -ENOMEM, or -E2BIG behind LAYER_NAMES_MAX. */
int layer_names_add(struct layer_names *l, const struct stat *directory, const char *name);

bool layer_names_has(const struct layer_names *l, const struct stat *directory, const char *name);

/* Forgets them all, and their memory. */
void layer_names_free(struct layer_names *l);
