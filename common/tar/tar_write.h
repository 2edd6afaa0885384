/*
 * A pax archive written member by member to a sink of bytes: ustar headers, with an extended header where a value does not
 * fit, sparse files as GNU tar's version 1.0. Names, links and attributes are bytes; no time, process or charset of the
 * machine gets into the archive, so equal members give equal bytes. The counterpart of tar_read.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "tar/member.h"
#include "tar/tar_extent.h"

struct tar_writer;

/* Takes the next bytes. 0, or -errno with *f filled. */
typedef int tar_sink_fn(void *arg, const void *data, size_t size, struct fail *f);

/* 0 or -ENOMEM. */
int tar_writer_open(tar_sink_fn *sink, void *arg, struct tar_writer **ret);

/* Adds a member. extents: where a file has data, in order and apart, what no extent covers is a hole; none = all of it is
 * data; one of size 0 = none is. They stay the caller's, until the data is there. Returns 0 or -errno. */
int tar_writer_add(struct tar_writer *w, const struct member *m, const struct tar_extent *extents,
		   size_t n_extents, struct fail *f);

/* The data of the file that was added last, piece by piece, in order. Holes may be left out or come as zeros. What is left
 * out inside an extent of a sparse file is written as zeros; other data than was announced is an error. */
int tar_writer_data(struct tar_writer *w, const void *data, size_t size, uint64_t offset,
		    struct fail *f);

/* Writes the end of the archive. */
int tar_writer_finish(struct tar_writer *w, struct fail *f);

void tar_writer_free(struct tar_writer *w);
