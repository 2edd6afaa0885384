/*
 * Memory for libarchive, which crashes, exits or forgets attributes where it gets none: in it malloc and
 * its like are renamed to these (scripts/build-library). When memory runs out they give from a small
 * reserve and remember it, so that libarchive comes back whole and its caller can refuse the result.
 * For one thread at a time, as libarchive's users here are.
 *
 * An archive may ask for any amount: a map of millions of holes, long names, attributes. So what libarchive has
 * at a time is counted, and what goes beyond a limit is refused as if memory had run out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* From now on libarchive gets so many bytes more than it has, at most. At the start: TAR_MEMORY_MAX, which a program
 * on a host can spare. */
void tar_memory_set_limit(size_t more);
#define TAR_MEMORY_MAX ((size_t)64 << 20)

void *tar_malloc(size_t size);
void *tar_calloc(size_t n, size_t size);
void *tar_realloc(void *p, size_t size);
void tar_free(void *p);
char *tar_strdup(const char *text);

/* Has memory run out since the last tar_memory_reset? What libarchive said since then is not to be
 * trusted. */
bool tar_memory_lacked(void);

/* Was it the limit that it ran into? */
bool tar_memory_exceeded(void);

/* Makes the reserve whole again. To be called when nobody has anything of libarchive's. */
void tar_memory_reset(void);
