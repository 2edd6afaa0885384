/*
 * Writes the payload: members in, a compressed pax tar out, in Blocks of equal size that say their sizes and have checks: what
 * every core of the booting machine can take its share of.
 */
#pragma once

#include <stdint.h>

#include "base/fail.h"
#include "tar/member.h"
#include "tar/tar_extent.h"
#include "image/encode.h"
#include "image/treesize.h"

struct payload_writer;

/* What was written so far; bytes. */
struct payload_totals {
	uint64_t tar, compressed;
	struct treesize tree;
};

/* Starts to write to fd, which stays the caller's. path: the image beside which that is, for messages; it stays, too. */
int payload_writer_open(int fd, const char *path, const struct encode_kind *kind,
			const struct encode_settings *settings, struct payload_writer **ret,
			struct fail *f);

/* Adds a member; see tar_writer_add. The data of a file follows with payload_writer_data, in order, without its holes. */
int payload_writer_add(struct payload_writer *w, const struct member *m,
		       const struct tar_extent *extents, size_t n_extents, struct fail *f);
int payload_writer_data(struct payload_writer *w, const void *data, size_t size, uint64_t offset,
			struct fail *f);

/* Writes the end of the archive and of the stream. Totals are final after it. */
int payload_writer_finish(struct payload_writer *w, struct fail *f);

const struct payload_totals *payload_writer_totals(const struct payload_writer *w);

void payload_writer_free(struct payload_writer *w);
