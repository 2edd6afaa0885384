/*
 * Bytes that are put together one after the other. Running out of memory is remembered and told once, at the end, so that
 * what puts them together can be read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/util.h"

/* Starts as { 0 }. */
struct buffer {
	char *data; /* owned */
	size_t used, room;
	bool failed; /* there was no memory; data is not whole */
};

void buffer_add(struct buffer *b, const void *data, size_t size);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_zeros(struct buffer *b, size_t size);
void buffer_printf(struct buffer *b, const char *format, ...)
	_printf_(2, 3); /* 127 bytes at most */

/* Empties it; its room is used again. */
void buffer_clear(struct buffer *b);

void buffer_free(struct buffer *b);
