/*
 * The chunks of the engine, all its memory for decoded data, and the Blocks that take them: which Block may
 * begin, and who may take which chunk. The rules stand in pipeline.h. Nothing waits here, and there is no lock:
 * the pipeline's guards all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"

struct chunk {
	struct chunk *next;  /* free, or decoded of one Block */
	unsigned refs;       /* holders: Block, run, parser, queued writes; 0 = free, in no run */
	size_t size;         /* bytes decoded into it */
	unsigned char *data; /* PLAN_CHUNK bytes */
};

/* A Block being decoded or waiting for the parser. */
struct block_state {
	struct chunk *first, *last;
	/* Its chunks, one behind the other, kept until it is complete: the decoder refers back to what is in them. NULL: it
	 * takes what is free. */
	struct chunk *run;
	size_t taken;  /* of the run */
	uint64_t owed; /* chunks that it will still take, at most */
	bool promised; /* they are; else it leads, or is the one that waits for room */
	bool complete; /* decoded to its end */
};

struct pool {
	const struct block_list *blocks;
	size_t next_taken;          /* Block that begins next */
	size_t leading;             /* first Block that is not complete; next_taken when all are */
	size_t next_parsed;         /* Block that the parser reads */
	struct block_state *states; /* ring of n_states, by number of Block */
	size_t n_states;
	uint64_t promised; /* chunks, to Blocks behind the leading one, and of runs */
	bool whole;        /* each Block gets a run */
	size_t next_run;   /* chunk behind the last run that was found */

	struct chunk *free, *last_free;
	size_t n_free, n;
	struct chunk *chunks;
	unsigned char *memory;
};

/* Makes n chunks; what is never used takes no memory. empty: as many Blocks more may wait for the parser with
 * no chunk, since they are empty. whole: a Block begins when there is a run for all of it, for which n must be enough for
 * any of them. 0 or -ENOMEM. */
int pool_make(struct pool *p, const struct block_list *blocks, size_t n, size_t empty, bool whole);
void pool_free(struct pool *p);

bool pool_all_taken(const struct pool *p);
struct block_state *pool_block(struct pool *p, size_t block);

/* Whether the next Block may begin: no Block waits for room, and there is some. One that waits gets its promise here
 * when there is room for all of it by now. */
bool pool_may_begin(struct pool *p);

/* Begins it, when it may, and returns its number. */
size_t pool_begin(struct pool *p);

/* Whether a Block that still has a chunk to take may take it now. Always, if it is promised. */
bool pool_may_take(struct pool *p, size_t block);

/* Whether the last Block, if it waits for room, may take a chunk now. */
bool pool_may_last_take(struct pool *p);

/* The memory for all of a Block that has begun; NULL: it has no run. */
void *pool_run(struct pool *p, size_t block);

/* That chunk, with one holder and no bytes. */
struct chunk *pool_take(struct pool *p, size_t block);

/* Takes back a chunk that has no holder any more. */
void pool_put(struct pool *p, struct chunk *c);

/* The Block is decoded to its end. Perhaps another one leads now. */
void pool_complete(struct pool *p, size_t block);
