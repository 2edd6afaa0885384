/*
 * How many threads unpack a file and how much memory they may take: decided once, before anything is
 * allocated. This is the formula of docs/performance.md; init weighs it against the machine's RAM.
 */
#pragma once

#include <stdint.h>

#include "codec.h"

#define PLAN_CHUNK (256 * 1024) /* bytes decoded at a time; the pool consists of such chunks */
#define PLAN_THREADS_MAX 256

struct engine_plan {
	unsigned threads;
	unsigned decoders; /* of the threads have a Block to decode; the others only write */
	uint64_t decoder;  /* bytes of one decoder, at most: its dictionary, mostly */
	uint64_t
		pool; /* bytes of decoded data that waits for its turn, at most; two chunks at least */
	uint64_t memory; /* bytes of all together, at most; the tree and the payload not counted */
};

#define PLAN_NO_LIMIT UINT64_MAX

/* threads: asked for; 0 = as many as CPUs may be used. budget: bytes that the engine should keep to. It
 * gives up pool and threads for that, down to one thread and the least pool: so ret->memory can still be
 * more than the budget, and the caller decides. */
void engine_plan(const struct block_list *l, unsigned threads, uint64_t budget,
		 struct engine_plan *ret);
