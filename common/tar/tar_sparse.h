/*
 * Maps of sparse files: which parts of a file an archive holds. GNU's and star's in header blocks, GNU's versions 0.0, 0.1
 * and 1.0 in pax records and before the data. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "tar/tar_extent.h"
#include "tar/tar_header.h"
#include "tar/tar_pax.h"

struct tar_map {
	struct tar_extent *extents; /* owned; in order, apart, inside the file, none empty */
	size_t n, room;
	size_t memory;      /* bytes that extents may take; set by the caller */
	uint64_t real_size; /* of the file; set by the caller */
	uint64_t data;      /* bytes of all extents */
	uint64_t end;       /* of the last one, also when it was empty */
};

/* All of these return -EBADMSG for a map that cannot be, -E2BIG for one that takes too much memory, -ENOMEM; with *f
 * filled, about what. */
int tar_map_add(struct tar_map *map, uint64_t offset, uint64_t size, const char *what,
		struct fail *f);

/* When all are there. data: bytes that the archive has for the member, which must do; what is more belongs to the member,
 * too, but a map that leaves out all of it is none. A file that is one hole gets an extent of size 0 at its end. */
int tar_map_finish(struct tar_map *map, uint64_t data, const char *what, struct fail *f);

/* Takes the next map out of a header block or of one that extends it; *ret_more: another one follows. */
int tar_map_add_header(struct tar_map *map, const uint8_t block[TAR_BLOCK], enum tar_format format,
		       bool *ret_more, const char *what, struct fail *f);
int tar_map_add_extension(struct tar_map *map, const uint8_t block[TAR_BLOCK], bool *ret_more,
			  const char *what, struct fail *f);

/* Versions 0.0 and 0.1, from the member's checked records. */
int tar_map_add_records(struct tar_map *map, const struct tar_pax *p, const char *text, size_t size,
			const char *what, struct fail *f);

/* Do the records say that the file is a sparse one of GNU's? */
bool tar_pax_is_sparse(const struct tar_pax *p, const char *text, size_t size);

/* Version 1.0: decimal numbers, a line each, in the first blocks of the data. */
struct tar_map_text {
	uint64_t number, offset;
	uint64_t left;   /* numbers that are still to come */
	unsigned digits; /* of the current one */
	bool counted;    /* left is known */
};

/* Takes a block; *ret_done: it was the last one of the map. */
int tar_map_add_text(struct tar_map *map, struct tar_map_text *state,
		     const uint8_t block[TAR_BLOCK], bool *ret_done, const char *what,
		     struct fail *f);

void tar_map_free(struct tar_map *map);
