/*
 * Steps of a source, counted: included before anything else where the Makefile compiles it once more for test_depth, with a call
 * at the start of each basic block. What string functions look at counts by the byte. A test that counts is the same on any
 * machine, at any load.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

void count_steps(size_t n);

static inline size_t counted(size_t n)
{
	count_steps(n);
	return n;
}

/* Bytes up to the first that differs. */
static inline size_t counted_same(const char *a, const char *b, size_t most)
{
	size_t n = 0;

	while (n < most && a[n] && a[n] == b[n])
		n++;
	return n;
}

#define strlen(s) counted(strlen(s))
#define strspn(s, set) counted(strspn(s, set))
#define strcspn(s, set) counted(strcspn(s, set))
#define strdup(s) (count_steps((strlen)(s)), strdup(s))
#define strndup(s, n) (count_steps((strnlen)(s, n)), strndup(s, n))
#define strcmp(a, b) (count_steps(counted_same(a, b, SIZE_MAX)), strcmp(a, b))
#define strncmp(a, b, n) (count_steps(counted_same(a, b, n)), strncmp(a, b, n))
#define memcmp(a, b, n) memcmp(a, b, counted(n))
#define memchr(s, c, n) memchr(s, c, counted(n))
#define memcpy(to, from, n) memcpy(to, from, counted(n))
#define memmove(to, from, n) memmove(to, from, counted(n))
