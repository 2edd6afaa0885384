/* Threads and pool by what there is to decode and what memory there is. */
#include "engine/plan.h"

#include "base/cpus.h"
#include "base/util.h"

#define FIXED (8ULL << 20) /* PLAN_HEADERS_LEAST; program, stacks, what the tree writer remembers */
#define LEAST_CHUNKS 4     /* one in work, one handed over, two for parser and writers */

uint64_t plan_chunks(uint64_t bytes)
{
	uint64_t chunks = bytes / PLAN_CHUNK + (bytes % PLAN_CHUNK > 0);

	return chunks > 0 ? chunks : 1;
}

/* Chunks of the n consecutive Blocks that take most: Blocks are decoded in order, so no more than that
 * are in work at a time. */
static uint64_t most_chunks(const struct block_list *l, size_t n)
{
	uint64_t sum = 0, most = 0;

	for (size_t i = 0; i < l->n; i++) {
		sum += plan_chunks(l->blocks[i].uncompressed);
		if (i >= n)
			sum -= plan_chunks(l->blocks[i - n].uncompressed);
		if (sum > most)
			most = sum;
	}
	return most;
}

/* With room for a third more Blocks than decoders those behind a Block that takes long are not held back. */
static uint64_t best_chunks(const struct block_list *l, unsigned decoders)
{
	uint64_t ahead = min_u64(plan_chunks(l->largest), PLAN_AHEAD_CHUNKS);

	if (decoders <= 1)
		return ahead > LEAST_CHUNKS ? ahead : LEAST_CHUNKS;
	return PLAN_AHEAD_CHUNKS + most_chunks(l, decoders + decoders / 3);
}

/* What keeps so many decoders at work: the leading one is followed by the parser and needs only what that
 * and the writers are behind, the last one may wait for room half way, each other one needs it for a whole
 * Block. A decoder alone can do with less. Where one Block is much larger than the others, half of it may be
 * more than all that can be in work. */
static uint64_t least_chunks(const struct block_list *l, unsigned decoders)
{
	uint64_t least;

	if (decoders <= 1)
		return LEAST_CHUNKS;
	least = PLAN_AHEAD_CHUNKS + most_chunks(l, decoders - 2) + plan_chunks(l->largest) / 2;
	return min_u64(least, best_chunks(l, decoders));
}

static uint64_t memory_of(const struct block_list *l, const struct engine_plan *p)
{
	return FIXED + l->n * (sizeof(struct block) + l->own_size) + p->decoders * p->decoder +
	       p->pool;
}

/* With the least pool. */
static struct engine_plan plan_pieces(const struct block_list *l, unsigned decoders)
{
	struct engine_plan p = { .decoders = decoders, .decoder = l->decoder_memory };

	p.pool = least_chunks(l, decoders) * PLAN_CHUNK;
	p.memory = memory_of(l, &p);
	return p;
}

/* Blocks that are each in one piece of the pool: it must hold those in work and one more, or else a decoder would wait until all
 * of an earlier Block is written. */
static struct engine_plan plan_whole(const struct block_list *l, unsigned decoders)
{
	struct engine_plan p = { .decoders = decoders, .decoder = l->whole_memory, .whole = true };
	unsigned more = decoders / 3 > 0 ? decoders / 3 : 1;

	p.pool = (PLAN_AHEAD_CHUNKS + most_chunks(l, decoders + more)) * PLAN_CHUNK;
	p.memory = memory_of(l, &p);
	return p;
}

/* The most decoders, n at most, whose plan keeps to the budget; 1 when none does. */
static unsigned most_decoders(const struct block_list *l, unsigned n, uint64_t budget,
			      struct engine_plan (*plan)(const struct block_list *, unsigned))
{
	unsigned low = 1, high = n, middle;

	while (low < high) {
		middle = high - (high - low) / 2;
		if (plan(l, middle).memory <= budget)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void grow_pool(const struct block_list *l, struct engine_plan *p, uint64_t budget)
{
	uint64_t room = budget > p->memory ? (budget - p->memory) / PLAN_CHUNK : 0;
	uint64_t more = best_chunks(l, p->decoders) - p->pool / PLAN_CHUNK;

	more = min_u64(more, room) * PLAN_CHUNK;
	p->pool += more;
	p->memory += more;
}

/* Headers of more than the least are rare: they get what is left. */
static void grow_headers(struct engine_plan *p, uint64_t budget)
{
	uint64_t room = budget > p->memory ? budget - p->memory : 0;

	p->headers = min_u64(PLAN_HEADERS_MOST - PLAN_HEADERS_LEAST, room);
	p->memory += p->headers;
}

void engine_plan(const struct block_list *l, unsigned threads, uint64_t budget,
		 struct engine_plan *ret)
{
	uint64_t n = min_u64(threads ? threads : cpus_usable(), PLAN_THREADS_MAX);
	unsigned most = (unsigned)min_u64(n, l->n);
	unsigned pieces = most_decoders(l, most, budget, plan_pieces);
	unsigned whole = l->whole_memory ? most_decoders(l, most, budget, plan_whole) : 1;

	if (whole > 1 && whole >= pieces) {
		*ret = plan_whole(l, whole);
	} else {
		*ret = plan_pieces(l, (unsigned)min_u64(pieces, most));
		grow_pool(l, ret, budget);
	}
	grow_headers(ret, budget);
	/* More threads than decoders still help to write, but one is enough for that. */
	ret->threads = (unsigned)min_u64(n, ret->decoders + 1ULL);
}
