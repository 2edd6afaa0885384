/*
 * The few helpers that every file uses: scope-bound clean-up, array sizes, ends of texts, time.
 * Nothing with a state or an opinion belongs here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))

/* Hands the descriptor to the caller: the variable's own clean-up then closes nothing. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && memcmp(text + n - k, end, k) == 0;
}

/* Are these n bytes at that place of the data? Not if it ends before. */
static inline bool has_bytes(const void *data, size_t size, size_t at, const void *bytes, size_t n)
{
	return at <= size && n <= size - at && memcmp((const char *)data + at, bytes, n) == 0;
}

/* Are all these bytes zeros? */
static inline bool is_zero(const void *data, size_t size)
{
	const char *bytes = data;

	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Room for one more behind the n elements, of size bytes each, of an array that only this function has made; it grows at
 * powers of two. The array, which may have moved; NULL: no memory, and it is as it was. */
static inline void *array_one_more(void *array, size_t n, size_t size)
{
	return n & (n - 1) ? array : realloc(array, (n ? 2 * n : 1) * size);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Sums and products of numbers that a file may say: UINT64_MAX instead of more than that. */
static inline uint64_t add_u64(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static inline uint64_t multiply_u64(uint64_t a, uint64_t b)
{
	return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Microseconds since the kernel started; the clock that kernel log lines show. */
static inline uint64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
