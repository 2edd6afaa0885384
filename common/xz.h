/*
 * The codec seam: a compressed file is a run of Blocks that can be decoded in any order, each by
 * itself. This is xz by liblzma; another codec is another file with these functions.
 *
 * xz_file reads and checks the container (stream headers and footers, Index, padding) of all
 * concatenated streams; xz_decoder decodes one Block at a time and holds it against the Index.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"
#include "payload.h"

struct xz_file;
struct xz_decoder;

struct xz_block {
	uint64_t number;       /* from 1, over all streams */
	uint64_t offset;       /* of the Block header in the payload, bytes */
	uint64_t unpadded;     /* header, data and check, without padding */
	uint64_t total;        /* with padding: the next Block starts at offset + total */
	uint64_t uncompressed; /* bytes */
	int check;             /* lzma_check of its stream */
};

/* Reads the Index of all streams of p, which must outlive the result. Everything but the Blocks
 * themselves is checked here. */
int xz_file_open(const struct payload *p, struct xz_file **ret, struct fail *f);
void xz_file_close(struct xz_file *x);

uint64_t xz_file_block_count(const struct xz_file *x);
uint64_t xz_file_stream_count(const struct xz_file *x);
uint64_t xz_file_uncompressed(const struct xz_file *x);  /* bytes */
uint64_t xz_file_largest_block(const struct xz_file *x); /* bytes, uncompressed */

/* The Blocks in file order, each once: true with the next one. Not thread-safe. */
bool xz_file_next_block(struct xz_file *x, struct xz_block *ret);

/* A decoder to be used for many Blocks by one thread at a time. 0 or -ENOMEM. */
int xz_decoder_new(const struct payload *p, struct xz_decoder **ret);
void xz_decoder_free(struct xz_decoder *d);

int xz_decoder_start(struct xz_decoder *d, const struct xz_block *block, struct fail *f);

/* Fills buf with up to size bytes. Returns 1 when the Block goes on, 0 when it has ended and is
 * whole (its check and sizes included), -errno. *ret_size is the bytes written either way. */
int xz_decoder_read(struct xz_decoder *d, void *buf, size_t size, size_t *ret_size, struct fail *f);

/* Everything before this offset of the payload has been read for the current Block. */
uint64_t xz_decoder_position(const struct xz_decoder *d);
