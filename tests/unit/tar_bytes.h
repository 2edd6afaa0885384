/*
 * Archives in memory: what tar_write.h writes to and tar_read.h reads from.
 */
#pragma once

#include "base/fail.h"
#include "make_xz.h"

/* A tar_sink_fn; arg: struct bytes. */
static inline int bytes_sink(void *arg, const void *data, size_t size, struct fail *f)
{
	(void)f;
	bytes_add(arg, data, size);
	return 0;
}

struct bytes_source {
	const uint8_t *at;
	size_t left, step; /* step: bytes of a piece */
};

/* A tar_source_fn; arg: struct bytes_source. */
static inline int bytes_source(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct bytes_source *s = arg;

	(void)f;
	*ret_data = s->at;
	*ret_size = s->left < s->step ? s->left : s->step;
	s->at += *ret_size;
	s->left -= *ret_size;
	return *ret_size > 0;
}

/* Puts other bytes of the same length in the place of the first that are like from. Where no checksum is about them: in
 * records and data. */
static inline void bytes_patch(struct bytes *b, const char *from, const char *to)
{
	uint8_t *at = memmem(b->data, b->size, from, strlen(from));

	if (!at || strlen(from) != strlen(to))
		scratch_die(from);
	memcpy(at, to, strlen(to));
}
