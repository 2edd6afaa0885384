/* Chunks and promises, counted; the rules stand in pipeline.h. */
#include "pool.h"

#include <errno.h>
#include <sys/mman.h>

#include "plan.h"
#include "util.h"

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

int pool_make(struct pool *p, const struct block_list *blocks, size_t n, size_t empty)
{
	*p = (struct pool){ .blocks = blocks, .n = n, .n_free = n, .n_jobs = n + empty };
	p->jobs = calloc(p->n_jobs, sizeof(*p->jobs));
	p->chunks = calloc(n, sizeof(*p->chunks));
	p->memory = mmap(NULL, n * PLAN_CHUNK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->memory == MAP_FAILED)
		p->memory = NULL;
	if (!p->jobs || !p->chunks || !p->memory) {
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
	free(p->jobs);
	*p = (struct pool){ 0 };
}

/* Once the last Block is taken, what the tree gains the pool gives back, but for a few chunks that go
 * on: the most memory is then the tree and the decoders, not the tree and a full pool. */
void pool_put(struct pool *p, struct chunk *c)
{
	if (pool_all_taken(p) && p->n_free >= KEPT_CHUNKS) {
		(void)madvise(c->data, PLAN_CHUNK, MADV_DONTNEED);
		put_last(p, c);
	} else {
		put_first(p, c);
	}
	p->n_free++;
}

/* ---- Blocks ---- */

bool pool_all_taken(const struct pool *p)
{
	return p->next_taken == p->blocks->n;
}

struct job *pool_job(struct pool *p, size_t block)
{
	return &p->jobs[block % p->n_jobs];
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
		kept += min_u64(pool_job(p, p->leading)->owed, PLAN_AHEAD_CHUNKS);
	return p->n_free > kept ? p->n_free - kept : 0;
}

/* The Block begun last, when it neither leads nor has room for all of it; else NULL. */
static struct job *waiting_job(struct pool *p)
{
	struct job *job;

	if (p->next_taken <= p->leading + 1)
		return NULL;
	job = pool_job(p, p->next_taken - 1);
	return job->promised || job->complete ? NULL : job;
}

/* Promises the Block all its chunks, when there is room for them. */
static void promise(struct pool *p, struct job *job)
{
	if (job->owed > room(p))
		return;
	job->promised = true;
	p->promised += job->owed;
}

bool pool_may_begin(struct pool *p)
{
	struct job *waiting = waiting_job(p);

	if (pool_all_taken(p) || p->next_taken - p->next_parsed >= p->n_jobs)
		return false;
	if (waiting)
		promise(p, waiting);
	if (waiting && !waiting->promised)
		return false;
	return p->next_taken == p->leading || room(p) > 0;
}

size_t pool_begin(struct pool *p)
{
	size_t block = p->next_taken++;
	struct job *job = pool_job(p, block);

	*job = (struct job){ .owed = chunks_of(p, block) };
	if (block != p->leading)
		promise(p, job);
	return block;
}

bool pool_may_take(struct pool *p, size_t block)
{
	if (block == p->leading)
		return p->n_free > p->promised;
	return pool_job(p, block)->promised || room(p) > 0;
}

bool pool_may_last_take(struct pool *p)
{
	return waiting_job(p) && room(p) > 0;
}

struct chunk *pool_take(struct pool *p, size_t block)
{
	struct job *job = pool_job(p, block);
	struct chunk *c = p->free;

	if (job->promised)
		p->promised--;
	job->owed--;
	p->free = c->next;
	p->n_free--;
	*c = (struct chunk){ .refs = 1, .data = c->data };
	return c;
}

/* What is promised to a Block no longer is. */
static void take_promise(struct pool *p, struct job *job)
{
	if (job->promised)
		p->promised -= job->owed;
	job->promised = false;
}

void pool_complete(struct pool *p, size_t block)
{
	struct job *job = pool_job(p, block);

	take_promise(p, job); /* it may have been smaller than it might have been */
	job->owed = 0;
	job->complete = true;
	while (p->leading < p->next_taken && pool_job(p, p->leading)->complete)
		if (++p->leading < p->next_taken)
			take_promise(p, pool_job(p, p->leading));
}
