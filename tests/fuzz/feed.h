/*
 * Bytes handed out in pieces, as the pipeline hands out chunks.
 */
#pragma once

#include "fail.h"
#include "fuzz.h"

struct feed {
	const uint8_t *at;
	size_t left;
	unsigned most; /* bytes of a piece; 0 = all at once */
	uint32_t random;
	bool breaks;    /* an error takes the place of the end */
	uint8_t *piece; /* the last one; freed by the next call, or in the end by the caller */
};

/* Each piece is a block of its own, so that ASan sees who reads behind it or keeps it. */
static inline int next_piece(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct feed *feed = arg;
	size_t size = feed->most ? 1 + next_random(&feed->random) % feed->most : feed->left;

	free(feed->piece);
	feed->piece = NULL;
	if (feed->left == 0)
		return feed->breaks ? fail_errno(f, EIO, "the source", "cannot read it") : 0;
	if (size > feed->left)
		size = feed->left;
	feed->piece = malloc(size);
	promise(feed->piece);
	memcpy(feed->piece, feed->at, size);
	feed->at += size;
	feed->left -= size;
	*ret_data = feed->piece;
	*ret_size = size;
	return 1;
}
