/* Chunks and promises, counted; the rules stand in pipeline.h. */
#include "engine/pool.h"

#include <errno.h>
#include <sys/mman.h>

#include "engine/plan.h"
#include "base/util.h"

#define KEPT_CHUNKS 16 /* not given back at the end */

/* ---- chunks ---- */

/* The chunk used last is used next: it is still in the cache. */
static void put_first(struct pool *p, struct chunk *c)
{
	c->next = p->free;
	p->free = c;
	if (!c->next)
		p->last_free = c;
}

static void put_last(struct pool *p, struct chunk *c)
{
	c->next = NULL;
	if (p->free)
		p->last_free->next = c;
	else
		p->free = c;
	p->last_free = c;
}

int pool_make(struct pool *p, const struct block_list *blocks, size_t n, size_t empty, bool whole)
{
	*p = (struct pool){
		.blocks = blocks, .n = n, .n_free = n, .n_states = n + empty, .whole = whole
	};
	p->states = calloc(p->n_states, sizeof(*p->states));
	p->chunks = calloc(n, sizeof(*p->chunks));
	p->memory = mmap(NULL, n * PLAN_CHUNK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->memory == MAP_FAILED)
		p->memory = NULL;
	if (!p->states || !p->chunks || !p->memory) {
		pool_free(p);
		return -ENOMEM;
	}
	for (size_t i = n; i-- > 0;) {
		p->chunks[i].data = p->memory + i * PLAN_CHUNK;
		put_first(p, &p->chunks[i]);
	}
	return 0;
}

void pool_free(struct pool *p)
{
	if (p->memory)
		munmap(p->memory, p->n * PLAN_CHUNK);
	free(p->chunks);
	free(p->states);
	*p = (struct pool){ 0 };
}

/* Where there is swap the process is locked (mlockall), and what is locked cannot be given back. */
static void give_memory_back(void *chunk)
{
	if (madvise(chunk, PLAN_CHUNK, MADV_DONTNEED) < 0 && munlock(chunk, PLAN_CHUNK) == 0)
		(void)madvise(chunk, PLAN_CHUNK, MADV_DONTNEED);
}

/* Once the last Block is taken, what the tree gains the pool gives back, but for a few chunks that go
 * on: the most memory is then the tree and the decoders, not the tree and a full pool. */
void pool_put(struct pool *p, struct chunk *c)
{
	bool give_back = pool_all_taken(p) && p->n_free >= KEPT_CHUNKS;

	if (give_back)
		give_memory_back(c->data);
	if (!p->whole && give_back)
		put_last(p, c);
	else if (!p->whole)
		put_first(p, c);
	p->n_free++;
}

/* ---- Blocks ---- */

bool pool_all_taken(const struct pool *p)
{
	return p->next_taken == p->blocks->n;
}

struct block_state *pool_block(struct pool *p, size_t block)
{
	return &p->states[block % p->n_states];
}

static uint64_t chunks_of(const struct pool *p, size_t block)
{
	return plan_chunks(p->blocks->blocks[block].uncompressed);
}

/* Free chunks that nobody is promised; a few are kept for the leading Block. */
static uint64_t room(struct pool *p)
{
	uint64_t kept = p->promised;

	if (p->leading < p->next_taken)
		kept += min_u64(pool_block(p, p->leading)->owed, PLAN_AHEAD_CHUNKS);
	return p->n_free > kept ? p->n_free - kept : 0;
}

/* The Block begun last, when it neither leads nor has room for all of it; else NULL. */
static struct block_state *waiting_block(struct pool *p)
{
	struct block_state *state;

	if (p->next_taken <= p->leading + 1)
		return NULL;
	state = pool_block(p, p->next_taken - 1);
	return state->promised || state->complete ? NULL : state;
}

/* Promises the Block all its chunks, when there is room for them. */
static void promise(struct pool *p, struct block_state *state)
{
	if (state->owed > room(p))
		return;
	state->promised = true;
	p->promised += state->owed;
}

static struct chunk *find_run_from(struct pool *p, size_t first, uint64_t n)
{
	uint64_t found = 0;

	for (size_t i = first; i < p->n; i++) {
		found = p->chunks[i].refs == 0 ? found + 1 : 0;
		if (found == n)
			return &p->chunks[i + 1 - n];
	}
	return NULL;
}

/* So many chunks one behind the other that are free and in no other run; NULL: there are none. Blocks come free about in their
 * order, so the next run is looked for behind the last one. */
static struct chunk *find_run(struct pool *p, uint64_t n)
{
	struct chunk *run;

	if (p->n_free - p->promised < n)
		return NULL;
	run = find_run_from(p, p->next_run, n);
	return run ? run : find_run_from(p, 0, n);
}

static void hold_run(struct pool *p, struct block_state *state)
{
	struct chunk *run = find_run(p, state->owed);

	state->run = run;
	state->promised = true;
	p->promised += state->owed;
	p->next_run = (size_t)(run - p->chunks) + state->owed;
	for (uint64_t i = 0; i < state->owed; i++)
		run[i].refs = 1;
}

/* The decoder needs it no longer. What was taken out of it may have other holders, the rest was free all the time. */
static void release_run(struct pool *p, struct block_state *state)
{
	for (size_t i = 0; state->run && i < state->taken + state->owed; i++)
		if (--state->run[i].refs == 0 && i < state->taken)
			pool_put(p, &state->run[i]);
	state->run = NULL;
}

bool pool_may_begin(struct pool *p)
{
	struct block_state *waiting = waiting_block(p);

	if (pool_all_taken(p) || p->next_taken - p->next_parsed >= p->n_states)
		return false;
	if (p->whole)
		return find_run(p, chunks_of(p, p->next_taken));
	if (waiting)
		promise(p, waiting);
	if (waiting && !waiting->promised)
		return false;
	return p->next_taken == p->leading || room(p) > 0;
}

size_t pool_begin(struct pool *p)
{
	size_t block = p->next_taken++;
	struct block_state *state = pool_block(p, block);

	*state = (struct block_state){ .owed = chunks_of(p, block) };
	if (p->whole)
		hold_run(p, state);
	else if (block != p->leading)
		promise(p, state);
	return block;
}

bool pool_may_take(struct pool *p, size_t block)
{
	if (pool_block(p, block)->promised)
		return true;
	return block == p->leading ? p->n_free > p->promised : room(p) > 0;
}

bool pool_may_last_take(struct pool *p)
{
	return waiting_block(p) && room(p) > 0;
}

void *pool_run(struct pool *p, size_t block)
{
	const struct chunk *run = pool_block(p, block)->run;

	return run ? run->data : NULL;
}

struct chunk *pool_take(struct pool *p, size_t block)
{
	struct block_state *state = pool_block(p, block);
	struct chunk *c = state->run ? &state->run[state->taken++] : p->free;

	if (state->promised)
		p->promised--;
	if (!state->run)
		p->free = c->next;
	state->owed--;
	p->n_free--;
	*c = (struct chunk){ .refs = state->run ? 2 : 1, .data = c->data };
	return c;
}

/* What is promised to a Block no longer is. */
static void take_promise(struct pool *p, struct block_state *state)
{
	if (state->promised)
		p->promised -= state->owed;
	state->promised = false;
}

void pool_complete(struct pool *p, size_t block)
{
	struct block_state *state = pool_block(p, block);

	take_promise(p, state); /* it may have been smaller than it might have been */
	release_run(p, state);
	state->owed = 0;
	state->complete = true;
	while (p->leading < p->next_taken && pool_block(p, p->leading)->complete)
		if (++p->leading < p->next_taken && !p->whole)
			take_promise(p, pool_block(p, p->leading));
}
