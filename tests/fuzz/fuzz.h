/*
 * A fuzz target is one function of bytes: it gives them to the code under test and aborts when that
 * breaks a promise. Under clang libFuzzer calls it; in the other builds replay_main.c calls it on files.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec/payload.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* libFuzzer's own: changes data at random, returns the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Inputs that were taken for good. A replay in which none was has not tried much. */
unsigned fuzz_accepted __attribute__((weak));

#define promise(kept) ((kept) ? (void)0 : promise_broken(#kept, __FILE__, __LINE__))
_Noreturn static inline void promise_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, what);
	abort();
}

/* A NUL-terminated copy that ends where the text ends, so that ASan sees a read behind it. */
static inline char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	promise(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A descriptor of a file in memory: padding bytes that are nobody's business, then the data. */
static inline int memory_file(const uint8_t *data, size_t size, size_t padding)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	promise(fd >= 0 && ftruncate(fd, (off_t)padding) == 0);
	promise(pwrite(fd, data, size, (off_t)padding) == (ssize_t)size);
	return fd;
}

/* The bytes as a payload of two parts, the second of which starts at byte split (0: one part). */
static inline void payload_of(const uint8_t *data, size_t size, size_t split, struct payload *ret)
{
	*ret = (struct payload){ .name = "payload" };
	if (split > size)
		split = size;
	if (split)
		promise(payload_add(ret, memory_file(data, split, 3), 3, split) == 0);
	promise(payload_add(ret, memory_file(data + split, size - split, 0), 0, size - split) == 0);
}

/* Small random numbers, the same for the same seed. */
static inline uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Mutates a stretch without moving what follows; shorter ones are filled up with zeros. */
static inline void mutate_in_place(uint8_t *data, size_t used, size_t size)
{
	size_t n = size ? LLVMFuzzerMutate(data, used ? used : 1, size) : 0;

	memset(data + n, 0, size - n);
}

typedef size_t mutate_fn(uint8_t *data, size_t size, size_t max_size, uint32_t *random);
typedef void repair_fn(uint8_t *data, size_t size);

/* The custom mutator of a target whose inputs are own bytes that choose, and then a file of some format:
 * mutate knows the format, repair makes its checks right again, mostly. */
static inline size_t mutate_file(uint8_t *data, size_t size, size_t max_size, unsigned seed,
				 size_t own, mutate_fn *mutate, repair_fn *repair)
{
	uint32_t random = seed;

	if (size <= own || max_size <= own)
		return LLVMFuzzerMutate(data, size, max_size);
	if (next_random(&random) % 16 == 0)
		data[next_random(&random) % own] = (uint8_t)next_random(&random);
	size = own + mutate(data + own, size - own, max_size - own, &random);
	if (next_random(&random) % 16)
		repair(data + own, size - own);
	return size;
}
