/*
 * How many threads unpack a file and how much memory they may take: decided once, before anything is
 * allocated. This is the formula of docs/performance.md; init weighs it against the machine's RAM.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "codec/codec.h"

#define PLAN_CHUNK (256 * 1024) /* bytes decoded at a time; the pool consists of such chunks */
#define PLAN_AHEAD_CHUNKS 16    /* that the parser and the writers may be behind the decoders */
#define PLAN_THREADS_MAX 256

/* Bytes that the headers of one member may take (tar_read.h): the least, which does for a name or link of any length that
 * Linux has and a map of 250,000 pieces, and what they get where there is memory. */
#define PLAN_HEADERS_LEAST ((uint64_t)6 << 20)
#define PLAN_HEADERS_MOST ((uint64_t)32 << 20)

struct engine_plan {
	unsigned threads;
	unsigned decoders; /* of the threads decode Blocks; the others only write */
	uint64_t decoder;  /* bytes of one decoder, at most: its dictionary, mostly */
	/* Bytes of decoded data that waits for its turn, at most; two chunks at least. */
	uint64_t pool;
	uint64_t headers; /* bytes for headers beyond PLAN_HEADERS_LEAST */
	uint64_t memory;  /* bytes of all together, at most; the tree and the payload not counted */
	bool whole;       /* each Block is decoded into memory for all of it (pool.h) */
};

#define PLAN_NO_LIMIT UINT64_MAX

/* Chunks that a Block of so many bytes takes while it is decoded; an empty one takes one, too. */
uint64_t plan_chunks(uint64_t bytes);

/* threads: asked for; 0 = as many as CPUs may be used. budget: bytes that the engine should keep to. It
 * plans the most decoders that fit, each with room for a Block; for a single decoder it gives up pool,
 * down to the least: so ret->memory can still be more than the budget, and the caller decides. */
void engine_plan(const struct block_list *l, unsigned threads, uint64_t budget,
		 struct engine_plan *ret);
