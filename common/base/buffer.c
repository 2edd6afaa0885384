/* A block of memory that doubles. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

/* Room for so many more bytes, or NULL. */
static char *reserve(struct buffer *b, size_t size)
{
	size_t room = b->room ? b->room : 1024;
	char *data;

	while (room - b->used < size && room <= SIZE_MAX / 2)
		room *= 2;
	data = room == b->room ? b->data : realloc(b->data, room);
	if (!data || room - b->used < size) {
		b->failed = true;
		return NULL;
	}
	b->data = data;
	b->room = room;
	b->used += size;
	return b->data + b->used - size;
}

void buffer_add(struct buffer *b, const void *data, size_t size)
{
	char *at = reserve(b, size);

	if (at && size)
		memcpy(at, data, size);
}

void buffer_add_text(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void buffer_add_zeros(struct buffer *b, size_t size)
{
	char *at = reserve(b, size);

	if (at)
		memset(at, 0, size);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buffer_add_text(b, text);
}

void buffer_clear(struct buffer *b)
{
	b->used = 0;
	b->failed = false;
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ 0 };
}
