/* The plan keeps to its formula, to the budget while it can, and never plans for nothing. */
#include "plan.h"

#include <errno.h>
#include <sched.h>

#include "tap.h"
#include "wrap.h"

#define MIB (1ULL << 20)

static const struct {
	const char *what;
	size_t blocks;
	uint64_t block, decoder;
	unsigned threads;
	uint64_t budget;
	unsigned want_threads, want_decoders;
	uint64_t want_pool;
} cases[] = {
	{ "ours on two CPUs", 47, 16 * MIB, 8 * MIB, 2, PLAN_NO_LIMIT, 2, 2, 32 * MIB },
	{ "ours on one", 47, 16 * MIB, 8 * MIB, 1, PLAN_NO_LIMIT, 1, 1, 4 * MIB },
	{ "many CPUs", 47, 16 * MIB, 8 * MIB, 64, PLAN_NO_LIMIT, 48, 47, 256 * MIB },
	{ "xz -9", 4, 192 * MIB, 64 * MIB, 2, PLAN_NO_LIMIT, 2, 2, 256 * MIB },
	{ "xz -9 on more CPUs", 4, 192 * MIB, 64 * MIB, 4, PLAN_NO_LIMIT, 4, 4, 256 * MIB },
	{ "one large Block", 1, 4096 * MIB, 8 * MIB, 8, PLAN_NO_LIMIT, 2, 1, 4 * MIB },
	{ "small Blocks", 700, MIB, MIB, 2, PLAN_NO_LIMIT, 2, 2, 2 * MIB },
	{ "tiny Blocks", 9, 1000, 65536, 2, PLAN_NO_LIMIT, 2, 2, 6 * PLAN_CHUNK },
	{ "no Block at all", 0, 0, 0, 4, PLAN_NO_LIMIT, 1, 0, 2 * PLAN_CHUNK },
	{ "enough memory", 47, 16 * MIB, 8 * MIB, 2, 1000 * MIB, 2, 2, 32 * MIB },
	{ "less pool", 47, 16 * MIB, 8 * MIB, 2, 32 * MIB, 2, 2, 11 * MIB + 3 * MIB / 4 },
	{ "fewer threads", 47, 16 * MIB, 64 * MIB, 8, 170 * MIB, 2, 2, 32 * MIB },
	{ "one thread is the least", 47, 16 * MIB, 64 * MIB, 8, 10 * MIB, 1, 1, MIB },
};

/* A kernel with room for so many CPUs, of which the process may use some; and how it answers. */
static unsigned kernel_cpus, usable_cpus;
static int refusal;

WRAP(int, sched_getaffinity, (pid_t pid, size_t size, cpu_set_t *set))
{
	if (!kernel_cpus)
		return REAL(sched_getaffinity)(pid, size, set);
	if (refusal || size * 8 < kernel_cpus) {
		errno = refusal ? refusal : EINVAL;
		return -1;
	}
	CPU_ZERO_S(size, set);
	for (unsigned i = 0; i < usable_cpus; i++)
		CPU_SET_S(kernel_cpus - 1 - i, size, set);
	return 0;
}

static void check_cpus(unsigned there, unsigned usable, int error, unsigned want)
{
	const struct block_list l = { .n = 1000, .largest = MIB, .decoder_memory = MIB };
	struct engine_plan p;

	kernel_cpus = there;
	usable_cpus = usable;
	refusal = error;
	engine_plan(&l, 0, PLAN_NO_LIMIT, &p);
	is_int(p.threads, want, "%u of %u CPUs, error %d: threads", usable, there, error);
}

int main(void)
{
	check_cpus(8, 2, 0, 2);
	check_cpus(1024, 200, 0, 200);
	check_cpus(1025, 200, 0, 200);
	check_cpus(8192, 7, 0, 7);
	check_cpus(1 << 20, 1536, 0, PLAN_THREADS_MAX);
	check_cpus(1 << 21, 3, 0, 1); /* no such kernel: the search ends */
	check_cpus(8, 2, ENOSYS, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct block_list l = { .n = cases[i].blocks,
					      .uncompressed = cases[i].blocks * cases[i].block,
					      .largest = cases[i].block,
					      .decoder_memory = cases[i].decoder };
		struct engine_plan p;
		uint64_t formula;

		engine_plan(&l, cases[i].threads, cases[i].budget, &p);
		is_int(p.threads, cases[i].want_threads, "%s: threads", cases[i].what);
		is_int(p.decoders, cases[i].want_decoders, "%s: decoders", cases[i].what);
		is_int((long long)p.pool, (long long)cases[i].want_pool, "%s: pool", cases[i].what);
		formula = 4 * MIB + p.decoders * p.decoder + p.pool;
		ok(p.memory >= formula && p.memory < formula + MIB, "%s: memory by the formula",
		   cases[i].what);
		ok(p.memory <= cases[i].budget || p.threads == 1, "%s: within the budget",
		   cases[i].what);
	}
	return done_testing();
}
