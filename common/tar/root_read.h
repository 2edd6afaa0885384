/*
 * The archive of a root, be it tar or cpio, which its first bytes tell: the readers of both behind one interface. What
 * they promise is in tar_read.h and cpio_read.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "tar/member.h"
#include "tar/tar_read.h"

struct root_reader;

/* name: of the archive, for messages; it must outlive the reader. memory: bytes that headers may take. Nothing is read yet.
 * 0 or -ENOMEM with *f filled. */
int root_reader_open(tar_source_fn *source, void *arg, const char *name, size_t memory,
		     struct root_reader **ret, struct fail *f);
void root_reader_close(struct root_reader *r);

/* See tar_reader_take_without_end; a cpio archive needs its end all the same. */
void root_reader_take_without_end(struct root_reader *r);

/* The next member: 1; 0 at the end of the archive, which is then whole to its last byte; -errno. The caller ends each with
 * member_free; its strings live until the next call. */
int root_reader_next(struct root_reader *r, struct member *ret, struct fail *f);

/* The next piece of the last member's data, holes left out: 1; 0 at its end; -errno. */
int root_reader_data(struct root_reader *r, const void **ret_data, size_t *ret_size,
		     uint64_t *ret_offset, struct fail *f);

/* The last member's map of data, valid until the next one; NULL when it has no holes. */
const struct tar_extent *root_reader_extents(const struct root_reader *r, size_t *ret_n);

uint64_t root_reader_bytes(const struct root_reader *r); /* taken from the source */
uint64_t root_reader_members(const struct root_reader *r);

/* Byte of the archive at which the reader stands, which is the first of the last member's data before any of it is taken. */
uint64_t root_reader_offset(const struct root_reader *r);

/* Byte of the archive at which the last member's header starts, and the member's path, cut to what messages can show; ""
 * before the first one. */
uint64_t root_reader_position(const struct root_reader *r);
const char *root_reader_path(const struct root_reader *r);
