/* The plan keeps to its formula, to the budget while it can, and never plans for nothing. */
#include "plan.h"

#include "tap.h"

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

int main(void)
{
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
