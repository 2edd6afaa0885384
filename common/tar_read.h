/*
 * A tar archive read member by member from a source of bytes, with the care that a root file system
 * needs: its end marker must be there, nothing but zeros may follow, no attribute may get lost.
 * This is the border to libarchive's reader.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"
#include "member.h"

struct tar_reader;

/* Gives the next bytes, valid until the next call: 1; 0 at the end; -errno with *f filled, unless the
 * caller keeps its own record of what failed. */
typedef int tar_source_fn(void *arg, const void **ret_data, size_t *ret_size, struct fail *f);

/* name: of the archive, for messages; it must outlive the reader. */
int tar_reader_open(tar_source_fn *source, void *arg, const char *name, struct tar_reader **ret,
		    struct fail *f);
void tar_reader_close(struct tar_reader *t);

/* The next member: 1; 0 at the end of the archive, which is then whole to its last byte; -errno. The
 * caller ends each with member_free; its strings live until the next call. */
int tar_reader_next(struct tar_reader *t, struct member *ret, struct fail *f);

/* The next piece of the last member's data, holes left out: 1; 0 at its end; -errno. */
int tar_reader_data(struct tar_reader *t, const void **ret_data, size_t *ret_size,
		    uint64_t *ret_offset, struct fail *f);

/* Walks the last member's map of data: *cursor starts at 0. 1 with the next extent, 0 at the end; a
 * member without holes has none. */
int tar_reader_extent(struct tar_reader *t, unsigned *cursor, uint64_t *ret_offset,
		      uint64_t *ret_size);

uint64_t tar_reader_bytes(const struct tar_reader *t); /* taken from the source */
uint64_t tar_reader_members(const struct tar_reader *t);

/* Where the reader stands: byte of the archive at which the last member's header starts, and the
 * member's path, cut to what messages can show; "" before the first one. */
uint64_t tar_reader_position(const struct tar_reader *t);
const char *tar_reader_path(const struct tar_reader *t);
