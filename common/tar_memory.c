/* A reserve from which nothing is ever taken back, since the program is about to give up. */
#include "tar_memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RESERVE (256 * 1024)
#define ALIGNMENT 16 /* also the room for the size in front of each piece */

static _Alignas(ALIGNMENT) unsigned char reserve[RESERVE];
static size_t reserve_used;
static size_t taken; /* from malloc, bytes */
static size_t limit = TAR_MEMORY_MAX, wall = 3 * TAR_MEMORY_MAX;
static bool lacked, exceeded;

static bool is_reserve(const void *p)
{
	uintptr_t at = (uintptr_t)p, start = (uintptr_t)reserve;

	return at >= start && at < start + RESERVE;
}

/* most: bytes of the reserve that may be in use then. */
static void *take_reserve(size_t size, size_t most)
{
	unsigned char *p = reserve + reserve_used;
	size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	lacked = true;
	if (size > most || reserve_used > most || rounded + ALIGNMENT > most - reserve_used)
		return NULL;
	memcpy(p, &size, sizeof(size));
	memset(p + ALIGNMENT, 0, size);
	reserve_used += rounded + ALIGNMENT;
	return p + ALIGNMENT;
}

static bool fits(size_t size, size_t most)
{
	return size <= most && taken <= most - size;
}

/* Texts and attributes, for which libarchive exits when it gets nothing, come from headers of 1 MiB at most: they may
 * go on beyond the limit until it comes back. What comes from calloc may not: it consists of structures that it can do
 * without, and of a map of holes as many as it finds. */
static bool may_take(size_t size, bool is_structure)
{
	if (fits(size, limit))
		return true;
	lacked = exceeded = true;
	return !is_structure && fits(size, wall);
}

static size_t size_of(void *p)
{
	size_t size;

	if (!is_reserve(p))
		return p ? malloc_usable_size(p) : 0;
	memcpy(&size, (unsigned char *)p - ALIGNMENT, sizeof(size));
	return size;
}

/* What a piece from malloc takes, with what malloc keeps of it for itself. */
static size_t cost(void *p)
{
	return p ? malloc_usable_size(p) + ALIGNMENT : 0;
}

static void *count(void *p)
{
	taken += cost(p);
	return p;
}

void *tar_malloc(size_t size)
{
	void *p = may_take(size, false) ? count(malloc(size)) : NULL;

	return p ? p : take_reserve(size, RESERVE);
}

void *tar_calloc(size_t n, size_t size)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		return NULL;
	if (!may_take(n * size, true))
		return NULL;
	p = count(calloc(n, size));
	return p ? p : take_reserve(n * size, RESERVE / 2);
}

void *tar_realloc(void *p, size_t size)
{
	size_t old = size_of(p), old_cost = is_reserve(p) ? 0 : cost(p);
	void *grown;

	if (!is_reserve(p) && may_take(size > old ? size - old : 0, false)) {
		grown = realloc(p, size);
		if (grown) {
			taken -= old_cost;
			return count(grown);
		}
	}
	grown = take_reserve(size, RESERVE);
	if (grown && p)
		memcpy(grown, p, old < size ? old : size);
	if (grown)
		tar_free(p);
	return grown;
}

void tar_free(void *p)
{
	if (is_reserve(p))
		return;
	taken -= cost(p);
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

bool tar_memory_exceeded(void)
{
	return exceeded;
}

void tar_memory_set_limit(size_t more)
{
	limit = taken + more;
	wall = taken + 3 * more;
}

void tar_memory_reset(void)
{
	reserve_used = 0;
	lacked = exceeded = false;
}
