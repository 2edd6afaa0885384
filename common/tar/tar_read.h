/*
 * A tar archive read member by member from a source of bytes, with the care that a root file system needs: V7, ustar, pax,
 * star and GNU; every field that counts is checked, names are bytes, its end marker must be there and nothing but zeros may
 * follow. It does no I/O, knows no locale and copies no data: pieces of data lie where the source put them.
 *
 * Where the formats leave a choice, it does as GNU tar does; docs/archives.md has the table of differences.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "tar/input.h"
#include "tar/member.h"
#include "tar/tar_sparse.h"

struct tar_reader;

/* Bytes that the headers of a member, what they say of attributes and its map of holes may take: what a program on a host
 * can spare, and the least that a boot gives (plan.h). */
#define TAR_MEMORY_MAX ((size_t)64 << 20)

/* name: of the archive, for messages; it must outlive the reader. memory: bytes, see above. 0 or -ENOMEM with *f filled. */
int tar_reader_open(tar_source_fn *source, void *arg, const char *name, size_t memory,
		    struct tar_reader **ret, struct fail *f);
void tar_reader_close(struct tar_reader *t);

/* From now on it may end behind any member, without an end marker and without what pads the last one: for an archive that is
 * known to be whole otherwise. Call it before the first member. */
void tar_reader_take_without_end(struct tar_reader *t);

/* The next member: 1; 0 at the end of the archive, which is then whole to its last byte; -errno. The
 * caller ends each with member_free; its strings live until the next call. */
int tar_reader_next(struct tar_reader *t, struct member *ret, struct fail *f);

/* The next piece of the last member's data, holes left out: 1; 0 at its end; -errno. */
int tar_reader_data(struct tar_reader *t, const void **ret_data, size_t *ret_size,
		    uint64_t *ret_offset, struct fail *f);

/* The last member's map of data, valid until the next one; NULL when it has no holes. */
const struct tar_extent *tar_reader_extents(const struct tar_reader *t, size_t *ret_n);

uint64_t tar_reader_bytes(const struct tar_reader *t); /* taken from the source */
uint64_t tar_reader_members(const struct tar_reader *t);

/* Where the reader stands: byte of the archive at which the last member's first header starts, and the
 * member's path, cut to what messages can show; "" before the first one. */
uint64_t tar_reader_offset(
	const struct tar_reader
		*t); /* at which it stands: of the last member's data, before any is taken */
uint64_t tar_reader_position(const struct tar_reader *t);
const char *tar_reader_path(const struct tar_reader *t);
