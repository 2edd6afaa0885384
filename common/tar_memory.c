/* A reserve from which nothing is ever taken back, since the program is about to give up. */
#include "tar_memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RESERVE (256 * 1024)
#define ALIGNMENT 16 /* also the room for the size in front of each piece */

static _Alignas(ALIGNMENT) unsigned char reserve[RESERVE];
static size_t used;
static bool lacked;

static bool is_reserve(const void *p)
{
	uintptr_t at = (uintptr_t)p, start = (uintptr_t)reserve;

	return at >= start && at < start + RESERVE;
}

static void *take_reserve(size_t size)
{
	unsigned char *p = reserve + used;
	size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	lacked = true;
	if (size > RESERVE || rounded + ALIGNMENT > RESERVE - used)
		return NULL;
	memcpy(p, &size, sizeof(size));
	memset(p + ALIGNMENT, 0, size);
	used += rounded + ALIGNMENT;
	return p + ALIGNMENT;
}

void *tar_malloc(size_t size)
{
	void *p = malloc(size);

	return p ? p : take_reserve(size);
}

void *tar_calloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p || (size && n > SIZE_MAX / size))
		return p;
	return take_reserve(n * size);
}

static size_t size_of(void *p)
{
	size_t size;

	if (!is_reserve(p))
		return p ? malloc_usable_size(p) : 0;
	memcpy(&size, (unsigned char *)p - ALIGNMENT, sizeof(size));
	return size;
}

void *tar_realloc(void *p, size_t size)
{
	void *grown = is_reserve(p) ? NULL : realloc(p, size);
	size_t old;

	if (grown)
		return grown;
	old = size_of(p);
	grown = take_reserve(size);
	if (grown && p)
		memcpy(grown, p, old < size ? old : size);
	if (grown)
		tar_free(p);
	return grown;
}

void tar_free(void *p)
{
	if (!is_reserve(p))
		free(p);
}

char *tar_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = tar_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

bool tar_memory_lacked(void)
{
	return lacked;
}

void tar_memory_reset(void)
{
	used = 0;
	lacked = false;
}
