/* Threads and pool by what there is to decode and what memory there is. */
#include "plan.h"

#include <errno.h>
#include <sched.h>

#include "util.h"

#define CPUS_MAX (1 << 20)      /* that a kernel may have */
#define FIXED (4ULL << 20)      /* program, stacks, parser, what the tree writer remembers */
#define POOL_MAX (256ULL << 20) /* more does not pay: docs/performance.md */
#define POOL_SLACK (4ULL << 20) /* for one decoder */

/* The kernel refuses a set that is smaller than its own, which has 8192 CPUs in distributions' kernels and may have
 * more than cpu_set_t anywhere. */
static unsigned usable_cpus(void)
{
	for (size_t n = CPU_SETSIZE; n <= CPUS_MAX; n *= 2) {
		_cleanup_free_ cpu_set_t *set = CPU_ALLOC(n);

		if (!set)
			return 1;
		if (sched_getaffinity(0, CPU_ALLOC_SIZE(n), set) == 0)
			return (unsigned)CPU_COUNT_S(CPU_ALLOC_SIZE(n), set);
		if (errno != EINVAL)
			return 1;
	}
	return 1;
}

static uint64_t round_to_chunks(uint64_t bytes)
{
	return (bytes + PLAN_CHUNK - 1) / PLAN_CHUNK * PLAN_CHUNK;
}

/* Two chunks for each decoder, one in work and one handed over, and two for parser and writers. */
static uint64_t least_pool(unsigned decoders)
{
	return (2ULL * decoders + 2) * PLAN_CHUNK;
}

/* Room for a whole Block for each decoder: Blocks that take longer than others stop nobody then. One
 * decoder alone is followed by the parser and needs only what the writers are behind. */
static uint64_t best_pool(const struct block_list *l, unsigned decoders)
{
	uint64_t block = round_to_chunks(l->largest);
	uint64_t pool = min_u64(decoders * block, decoders > 1 ? POOL_MAX : POOL_SLACK);

	return pool > least_pool(decoders) ? pool : least_pool(decoders);
}

static struct engine_plan plan_for(const struct block_list *l, unsigned threads, uint64_t budget)
{
	struct engine_plan p = {
		.threads = threads,
		.decoders = (unsigned)min_u64(threads, l->n),
		.decoder = l->decoder_memory,
	};
	uint64_t rest = FIXED + l->n * sizeof(struct block) + p.decoders * p.decoder, room;

	p.pool = best_pool(l, p.decoders);
	room = budget > rest ? (budget - rest) / PLAN_CHUNK * PLAN_CHUNK : 0;
	if (room < p.pool)
		p.pool = room > least_pool(p.decoders) ? room : least_pool(p.decoders);
	p.memory = rest + p.pool;
	return p;
}

void engine_plan(const struct block_list *l, unsigned threads, uint64_t budget,
		 struct engine_plan *ret)
{
	/* More threads than Blocks still help to write, but one is enough for that. */
	uint64_t n = min_u64(min_u64(threads ? threads : usable_cpus(), l->n + 1),
			     PLAN_THREADS_MAX);

	do
		*ret = plan_for(l, (unsigned)n, budget);
	while (ret->memory > budget && --n > 0);
}
