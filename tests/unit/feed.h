/*
 * Bytes in memory as a source, handed out in pieces, as the pipeline hands out chunks: what unit tests and fuzzers read
 * archives from.
 */
#pragma once

#include <errno.h>

#include "base/fail.h"
#include "base/util.h"

struct feed {
	const void *at;
	size_t left;
	size_t first,
		step; /* bytes of the first piece (0: as the others) and of the others (0: all that is left) */
	uint32_t random; /* when it is not 0, step is the most; changes with each piece */
	bool breaks;     /* an error takes the place of the end */
	char *piece;     /* the last one; freed by the next call, or in the end by the caller */
	unsigned ends;   /* how often it was asked at its end */
};

static inline size_t feed_size(struct feed *feed)
{
	size_t size = feed->first ? feed->first : feed->step ? feed->step : feed->left;

	if (feed->random && feed->step) {
		feed->random = feed->random * 1664525 + 1013904223;
		size = 1 + (feed->random >> 8) % feed->step;
	}
	feed->first = 0;
	return size < feed->left ? size : feed->left;
}

/* A tar_source_fn. Each piece is a block of its own, so that ASan sees who reads behind it or keeps it. */
static inline int feed_piece(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct feed *feed = arg;

	free(feed->piece);
	feed->piece = NULL;
	feed->ends += feed->left == 0;
	if (feed->left == 0)
		return feed->breaks ? fail_set(f, EIO, "the source", "Wait.", "it broke") : 0;
	*ret_size = feed_size(feed);
	*ret_data = feed->piece = malloc(*ret_size);
	if (!feed->piece)
		return fail_errno(f, ENOMEM, "the source", "cannot copy a piece");
	memcpy(feed->piece, feed->at, *ret_size);
	feed->at = (const char *)feed->at + *ret_size;
	feed->left -= *ret_size;
	return 1;
}
