/* The plan keeps to its formula, to the budget while it can, and never plans for nothing. */
#include "engine/plan.h"

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
	{ "ours on two CPUs", 47, 16 * MIB, 8 * MIB, 2, PLAN_NO_LIMIT, 2, 2, 36 * MIB },
	{ "ours on one", 47, 16 * MIB, 8 * MIB, 1, PLAN_NO_LIMIT, 1, 1, 4 * MIB },
	{ "ours on 16", 47, 16 * MIB, 8 * MIB, 16, PLAN_NO_LIMIT, 16, 16, 340 * MIB },
	{ "many CPUs", 47, 16 * MIB, 8 * MIB, 64, PLAN_NO_LIMIT, 48, 47, 756 * MIB },
	{ "xz -9", 4, 192 * MIB, 64 * MIB, 2, PLAN_NO_LIMIT, 2, 2, 388 * MIB },
	{ "xz -9 on more CPUs", 4, 192 * MIB, 64 * MIB, 4, PLAN_NO_LIMIT, 4, 4, 772 * MIB },
	{ "one large Block", 1, 4096 * MIB, 8 * MIB, 8, PLAN_NO_LIMIT, 2, 1, 4 * MIB },
	{ "small Blocks", 700, MIB, MIB, 2, PLAN_NO_LIMIT, 2, 2, 6 * MIB },
	{ "tiny Blocks", 9, 1000, 65536, 2, PLAN_NO_LIMIT, 2, 2, 18 * PLAN_CHUNK },
	{ "no Block at all", 0, 0, 0, 4, PLAN_NO_LIMIT, 1, 0, 4 * PLAN_CHUNK },
	{ "enough memory", 47, 16 * MIB, 8 * MIB, 2, 1000 * MIB, 2, 2, 36 * MIB },
	/* 8 MiB + 2 x 8 MiB + 12 MiB, and the list of Blocks */
	{ "room for half a Block behind the leading one", 47, 16 * MIB, 8 * MIB, 2, 37 * MIB, 2, 2,
	  12 * MIB + 3 * MIB / 4 },
	{ "and not even for that", 47, 16 * MIB, 8 * MIB, 2, 36 * MIB, 2, 1, 4 * MIB },
	/* 8 MiB + 5 x 8 MiB + 4 MiB + 3 x 16 MiB + 8 MiB */
	{ "a tenth of the memory", 47, 16 * MIB, 8 * MIB, 47, 117 * MIB, 6, 5,
	  68 * MIB + 3 * MIB / 4 },
	{ "fewer threads", 47, 16 * MIB, 64 * MIB, 8, 174 * MIB, 3, 2, 36 * MIB },
	{ "one decoder without a choice", 47, 16 * MIB, 8 * MIB, 2, 18 * MIB, 2, 1,
	  7 * (uint64_t)PLAN_CHUNK },
	{ "one decoder is the least", 47, 16 * MIB, 64 * MIB, 8, 10 * MIB, 2, 1, MIB },
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

static void make_blocks(struct block_list *l, size_t n, uint64_t block, uint64_t decoder)
{
	*l = (struct block_list){ .decoder_memory = decoder };
	for (size_t i = 0; i < n; i++)
		if (block_list_add(l, &(struct block){ .uncompressed = block }) < 0)
			abort();
}

static void check_cpus(unsigned there, unsigned usable, int error, unsigned want)
{
	struct block_list l;
	struct engine_plan p;

	make_blocks(&l, 1000, MIB, MIB);
	kernel_cpus = there;
	usable_cpus = usable;
	refusal = error;
	engine_plan(&l, 0, PLAN_NO_LIMIT, &p);
	is_int(p.threads, want, "%u of %u CPUs, error %d: threads", usable, there, error);
	kernel_cpus = 0;
	block_list_free(&l);
}

static void check_case(size_t i)
{
	struct block_list l;
	struct engine_plan p;
	uint64_t formula;

	make_blocks(&l, cases[i].blocks, cases[i].block, cases[i].decoder);
	engine_plan(&l, cases[i].threads, cases[i].budget, &p);
	is_int(p.threads, cases[i].want_threads, "%s: threads", cases[i].what);
	is_int(p.decoders, cases[i].want_decoders, "%s: decoders", cases[i].what);
	is_int((long long)p.pool, (long long)cases[i].want_pool, "%s: pool", cases[i].what);
	formula = 8 * MIB + p.headers + p.decoders * p.decoder + p.pool;
	ok(p.headers <= 26 * MIB && (p.headers == 26 * MIB || p.memory >= cases[i].budget),
	   "%s: headers get what is left", cases[i].what);
	ok(p.memory >= formula && p.memory < formula + MIB, "%s: memory by the formula",
	   cases[i].what);
	ok(p.memory <= cases[i].budget || p.decoders == 1, "%s: within the budget", cases[i].what);
	block_list_free(&l);
}

/* Blocks are decoded in order, so the pool is for the consecutive ones that take most. */
static void test_mixture(void)
{
	static const uint64_t sizes[] = { 1, 100 * MIB, 1, 1, 1, 50 * MIB, 60 * MIB, 1, 1, 1 };
	struct block_list l = { 0 };
	struct engine_plan p;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (block_list_add(&l, &(struct block){ .uncompressed = sizes[i] }) < 0)
			abort();
	engine_plan(&l, 2, PLAN_NO_LIMIT, &p);
	is_int((long long)p.pool, (long long)(4 * MIB + 110 * MIB), "a mixture: two Blocks");
	engine_plan(&l, 2, 124 * MIB, &p);
	is_int(p.decoders, 2, "a mixture: two decoders");
	is_int((long long)p.pool, (long long)(4 * MIB + 110 * MIB), "and their Blocks");
	engine_plan(&l, 3, 116 * MIB, &p);
	is_int(p.decoders, 2, "with less memory, too");
	is_int((long long)p.pool, (long long)(107 * MIB + 3 * MIB / 4), "in a smaller pool");
	block_list_free(&l);
}

/* A decoder of whole Blocks takes next to nothing, so more of them may fit; where fewer do, Blocks are decoded in pieces. */
static void test_whole(void)
{
	struct block_list l;
	struct engine_plan p;

	make_blocks(&l, 100, 16 * MIB, 128 * MIB);
	l.whole_memory = MIB / 2;
	engine_plan(&l, 4, PLAN_NO_LIMIT, &p);
	is_int(p.whole, true, "whole Blocks");
	is_int((long long)p.pool, (4 + 5 * 16) * (long long)MIB, "room for one more than decoders");
	is_int((long long)p.decoder, MIB / 2, "small decoders");
	engine_plan(&l, 2, PLAN_NO_LIMIT, &p);
	is_int((long long)p.pool, (4 + 3 * 16) * (long long)MIB, "with two of them, too");
	engine_plan(&l, 4, 100 * MIB, &p);
	is_int(p.whole && p.decoders == 4, true,
	       "four, where one decoder with its window would not fit");
	engine_plan(&l, 4, 63 * MIB, &p);
	is_int(p.whole && p.decoders == 2, true, "two in less memory");
	ok(p.memory <= 63 * MIB, "which they keep to");
	engine_plan(&l, 4, 30 * MIB, &p);
	is_int(!p.whole && p.decoders == 1, true, "one alone decodes in pieces");
	engine_plan(&l, 1, PLAN_NO_LIMIT, &p);
	is_int(p.whole, false, "so does a single thread");
	l.decoder_memory = MIB;
	engine_plan(&l, 3, 59 * MIB, &p);
	is_int(!p.whole && p.decoders == 3, true, "pieces, where more decoders fit so");
	block_list_free(&l);
}

/* Half of the largest Block is more than all the others take: the pool has room for all that can be in work, and
 * no more than that. */
static void test_one_large(void)
{
	struct block_list l = { 0 };
	struct engine_plan p;

	for (size_t i = 0; i < 40; i++)
		if (block_list_add(&l, &(struct block){ .uncompressed = i ? 1000 : 16 * MIB }) < 0)
			abort();
	engine_plan(&l, 4, PLAN_NO_LIMIT, &p);
	is_int(p.decoders, 4, "one large Block among small ones: decoders");
	is_int((long long)p.pool, (16 + 64 + 4) * (long long)PLAN_CHUNK, "and their pool");
	engine_plan(&l, 4, 40 * MIB, &p);
	is_int((long long)p.pool, (16 + 64 + 4) * (long long)PLAN_CHUNK,
	       "the same within a budget");
	block_list_free(&l);
}

static void test_chunks(void)
{
	is_int((long long)plan_chunks(0), 1, "chunks of an empty Block");
	is_int((long long)plan_chunks(1), 1, "of a byte");
	is_int((long long)plan_chunks(PLAN_CHUNK), 1, "of one chunk");
	is_int((long long)plan_chunks(PLAN_CHUNK + 1), 2, "of a byte more");
	ok(plan_chunks(UINT64_MAX) == UINT64_MAX / PLAN_CHUNK + 1,
	   "of all bytes that there can be");
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
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_case(i);
	test_mixture();
	test_whole();
	test_one_large();
	test_chunks();
	return done_testing();
}
