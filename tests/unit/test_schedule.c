/*
 * The engine's schedule on any number of cores, on a machine that has two: the real pipeline by the real
 * plan, with a codec, a parser and writes that sleep, in virtual time. Conditions are replaced by ones of
 * this test, which knows of each thread whether it runs, waits or sleeps; when none runs, the clock goes on
 * to the next that wakes. So times are exact, however busy the machine is, and when nobody sleeps either, that is
 * a deadlock, seen at once.
 *
 * TARBOOT_TEST_SEED repeats the random cases; TARBOOT_TEST_ALL=1 takes more of them.
 */
#include "engine/pipeline.h"

#include <pthread.h>

#include "scratch.h"
#include "tap.h"
#include "wrap.h"

#define MIB (1ULL << 20)
#define CHUNKS_OF_BLOCK 32
#define BLOCK (CHUNKS_OF_BLOCK * (uint64_t)PLAN_CHUNK)
#define DECODER (8 * MIB)

/* ---- virtual time ---- */

/* A thread that sleeps or waits for a condition; on its stack. */
struct waiter {
	struct waiter *next;
	pthread_cond_t wake;
	const pthread_cond_t *condition; /* NULL: it sleeps */
	uint64_t until;                  /* of a sleep */
	bool awake;
};

static pthread_mutex_t clock_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of these */
static struct waiter *waiters;                                 /* in the order of their coming */
static unsigned running = 1;                                   /* threads: main */
static uint64_t now;                                           /* microseconds */
static uint64_t n_wakes;

static char case_name[100];

int REAL(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *lock);
int REAL(pthread_cond_signal)(pthread_cond_t *condition);

static void wake(struct waiter **at)
{
	struct waiter *w = *at;

	*at = w->next;
	w->awake = true;
	running++;
	REAL(pthread_cond_signal)(&w->wake);
}

static void advance_clock(void)
{
	struct waiter **first = NULL;

	for (struct waiter **at = &waiters; *at; at = &(*at)->next)
		if (!(*at)->condition && (!first || (*at)->until < (*first)->until))
			first = at;
	if (!first) {
		printf("Bail out! deadlock: %s\n", case_name);
		fflush(stdout);
		_exit(EXIT_FAILURE);
	}
	now = (*first)->until;
	wake(first);
}

/* Called with clock_lock held. */
static void block(struct waiter *w)
{
	struct waiter **end = &waiters;

	while (*end)
		end = &(*end)->next;
	*end = w;
	pthread_cond_init(&w->wake, NULL);
	if (--running == 0)
		advance_clock();
	while (!w->awake)
		REAL(pthread_cond_wait)(&w->wake, &clock_lock);
	pthread_cond_destroy(&w->wake);
}

static void sleep_usec(uint64_t usec)
{
	struct waiter w = { 0 };

	if (usec == 0)
		return;
	pthread_mutex_lock(&clock_lock);
	w.until = now + usec;
	block(&w);
	pthread_mutex_unlock(&clock_lock);
}

WRAP(int, pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t *lock))
{
	struct waiter w = { .condition = condition };

	pthread_mutex_lock(&clock_lock);
	pthread_mutex_unlock(lock);
	block(&w);
	pthread_mutex_unlock(&clock_lock);
	return pthread_mutex_lock(lock);
}

static int wake_waiters(const pthread_cond_t *condition, bool all)
{
	struct waiter **at = &waiters;

	pthread_mutex_lock(&clock_lock);
	while (*at) {
		if ((*at)->condition != condition) {
			at = &(*at)->next;
			continue;
		}
		wake(at);
		n_wakes++;
		if (!all)
			break;
	}
	pthread_mutex_unlock(&clock_lock);
	return 0;
}

WRAP(int, pthread_cond_signal, (pthread_cond_t * condition))
{
	return wake_waiters(condition, false);
}

WRAP(int, pthread_cond_broadcast, (pthread_cond_t * condition))
{
	return wake_waiters(condition, true);
}

static void add_running(int n)
{
	pthread_mutex_lock(&clock_lock);
	running += (unsigned)n;
	if (running == 0 && waiters)
		advance_clock();
	pthread_mutex_unlock(&clock_lock);
}

struct start {
	void *(*run)(void *arg);
	void *arg;
};

static void *run_thread(void *arg)
{
	struct start start = *(struct start *)arg;
	void *ret;

	free(arg);
	ret = start.run(start.arg);
	add_running(-1);
	return ret;
}

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg))
{
	struct start *start = malloc(sizeof(*start));

	if (!start)
		scratch_die("malloc");
	*start = (struct start){ run, arg };
	add_running(1);
	return REAL(pthread_create)(thread, attr, run_thread, start);
}

WRAP(int, pthread_join, (pthread_t thread, void **ret))
{
	int r;

	add_running(-1);
	r = REAL(pthread_join)(thread, ret);
	add_running(1);
	return r;
}

/* ---- Blocks that sleep ---- */

struct decoder {
	const struct block *block;
	uint64_t given; /* bytes */
	unsigned char *whole;
};

static uint64_t whole_memory;  /* of the decoders, in all lists of Blocks */
static _Atomic bool scattered; /* a whole Block was not in one piece, or not all of it kept */

static struct costs {
	uint64_t decode; /* microseconds for a chunk; of Block i the part slow[i % n_slow] in 8 */
	uint64_t parse;
	uint64_t write;
	const unsigned *slow;
	size_t n_slow;
	uint64_t too_long; /* number of a Block that goes on behind its end, from 1; 0 = none */
} costs;

static uint64_t chunk_usec(size_t block)
{
	return costs.n_slow ? costs.decode * costs.slow[block % costs.n_slow] / 8 : costs.decode;
}

static int sleeping_new(const struct payload *p, const struct block_list *l, void **ret)
{
	(void)p;
	(void)l;
	*ret = calloc(1, sizeof(struct decoder));
	return *ret ? 0 : -ENOMEM;
}

static int sleeping_start(void *decoder, const struct block *block, struct fail *f)
{
	(void)f;
	*(struct decoder *)decoder = (struct decoder){ .block = block };
	return 0;
}

static void sleeping_start_whole(void *decoder, void *memory)
{
	((struct decoder *)decoder)->whole = memory;
}

/* Is all that was decoded of the Block still there? A decoder refers back to it. */
static bool has_all_before(const struct decoder *d)
{
	uint64_t place;

	for (uint64_t at = 0; at + sizeof(place) <= d->given; at += PLAN_CHUNK) {
		memcpy(&place, d->whole + at, sizeof(place));
		if (place != d->block->start + at)
			return false;
	}
	return true;
}

/* Each chunk says where it belongs. */
static int sleeping_read(void *decoder, void *buf, size_t size, size_t *ret_size, struct fail *f)
{
	struct decoder *d = decoder;
	uint64_t left = d->block->uncompressed - d->given;
	uint64_t place = d->block->start + d->given;

	(void)f;
	if (d->whole && (buf != d->whole + d->given || !has_all_before(d)))
		scattered = true;
	if (costs.too_long == d->block->number)
		left += PLAN_CHUNK;
	*ret_size = (size_t)min_u64(size, left);
	sleep_usec(chunk_usec(d->block->number - 1) * *ret_size / PLAN_CHUNK);
	if (*ret_size >= sizeof(place))
		memcpy(buf, &place, sizeof(place));
	d->given += *ret_size;
	return left > *ret_size;
}

static uint64_t sleeping_position(const void *decoder)
{
	return ((const struct decoder *)decoder)->block->offset;
}

static const struct codec sleeping = {
	.name = "sleeping",
	.decoder_new = sleeping_new,
	.decoder_free = free,
	.start = sleeping_start,
	.start_whole = sleeping_start_whole,
	.read = sleeping_read,
	.position = sleeping_position,
};

/* Of the files that are written there is nothing but their time. */
WRAP(int, tree_file_write,
     (struct tree_file * file, const void *data, size_t size, uint64_t offset, struct fail *f))
{
	(void)file;
	(void)data;
	(void)offset;
	(void)f;
	sleep_usec(costs.write * size / PLAN_CHUNK);
	return 0;
}

WRAP(void, tree_file_hold, (struct tree_file * file))
{
	(void)file;
}

WRAP(int, tree_file_release, (struct tree_file * file, bool good, struct fail *f))
{
	(void)file;
	(void)good;
	(void)f;
	return 0;
}

/* n Blocks of these sizes in chunks, over and over; 0 is an empty Block. */
static void make_blocks(struct block_list *l, size_t n, const unsigned *chunks, size_t n_chunks)
{
	*l = (struct block_list){ .codec = &sleeping,
				  .decoder_memory = DECODER,
				  .whole_memory = whole_memory };
	for (size_t i = 0; i < n; i++)
		must(block_list_add(l, &(struct block){ .uncompressed = chunks[i % n_chunks] *
									(uint64_t)PLAN_CHUNK }));
}

/* ---- one run ---- */

struct run {
	uint64_t usec, chunks, wakes;
	int r;
	bool in_order;
	struct fail fail;
};

/* Parses what comes and writes each chunk in two pieces. */
static void parse(struct pipeline *l, struct run *run)
{
	struct tree_file *const file = (struct tree_file *)run; /* nobody looks into it */
	uint64_t place, at = 0;
	const void *data;
	size_t size;

	run->in_order = true;
	while ((run->r = pipeline_next(l, &data, &size)) > 0) {
		memcpy(&place, data, sizeof(place));
		run->in_order = run->in_order && place == at;
		at += size;
		run->chunks++;
		sleep_usec(costs.parse);
		if (costs.write == 0)
			continue;
		run->r = pipeline_write(l, file, data, size / 2, 0);
		if (run->r == 0)
			run->r = pipeline_write(l, file, (const char *)data + size / 2, size / 2,
						0);
		if (run->r == 0)
			run->r = pipeline_close(l, file);
		if (run->r < 0)
			break;
	}
	if (run->r == 0)
		run->r = pipeline_drain(l);
}

static struct run run_plan(const struct block_list *l, const struct engine_plan *plan)
{
	const struct pipeline_options options = { 0 };
	const struct payload p = { .name = "the payload" };
	struct run run = { 0 };
	struct pipeline *pipeline;
	uint64_t start = now;

	n_wakes = 0;
	must(pipeline_start(&p, l, plan, &options, &pipeline, &run.fail));
	parse(pipeline, &run);
	run.usec = now - start;
	run.wakes = n_wakes;
	run.r = pipeline_stop(pipeline, run.r, &run.fail);
	run.in_order = run.in_order && !scattered;
	scattered = false;
	return run;
}

/* ---- speed ---- */

/* The end of list scheduling: each Block in order goes to the core that is free first. */
static uint64_t optimum(const struct block_list *l, size_t cores)
{
	uint64_t end = 0, *free_at = calloc(cores, sizeof(*free_at));

	if (!free_at)
		scratch_die("calloc");
	for (size_t i = 0; i < l->n; i++) {
		size_t first = 0;

		for (size_t core = 1; core < cores; core++)
			if (free_at[core] < free_at[first])
				first = core;
		free_at[first] += l->blocks[i].uncompressed / PLAN_CHUNK * chunk_usec(i);
		if (free_at[first] > end)
			end = free_at[first];
	}
	free(free_at);
	return end;
}

/* The most decoders with room for a whole Block each; the 13 MiB are 8 for the program, 4 for what parser and
 * writers are behind, and a reserve. */
static size_t decoders_that_fit(uint64_t budget, size_t threads, size_t blocks)
{
	uint64_t fit = budget > 13 * MIB ? (budget - 13 * MIB) / (DECODER + BLOCK) : 0;

	return fit < 1 ? 1 : (size_t)min_u64(fit, min_u64(threads, blocks));
}

static void check_speed(const struct block_list *l, unsigned threads, unsigned part,
			unsigned tolerance)
{
	/* A third of the Blocks more, so that those which take longer hold back no others; one more at least, where each is in
	 * one piece. */
	uint64_t more = whole_memory && threads < 3 ? BLOCK : threads * BLOCK / 3;
	uint64_t budget = (13 * MIB + threads * (DECODER + BLOCK) + more) / part, least, most;
	size_t decoders = decoders_that_fit(budget, threads, l->n);
	struct engine_plan plan;
	struct run run;

	snprintf(case_name, sizeof(case_name), "%s%s Blocks, %u threads, 1/%u of the memory",
		 costs.n_slow ? "uneven" : "equal", whole_memory ? " whole" : "", threads, part);
	engine_plan(l, threads, budget, &plan);
	least = optimum(l, plan.decoders);
	if (whole_memory)
		tolerance += 5; /* a run has to be free in one piece */
	most = optimum(l, decoders) * (100 + tolerance) / 100;
	run = run_plan(l, &plan);
	if (part == 1)
		is_int(plan.whole, whole_memory > 0 && plan.decoders > 1, "%s: in one piece each",
		       case_name);
	if (!ok(plan.memory <= budget || plan.decoders == 1, "%s: kept to", case_name))
		diag("  %llu of %llu bytes", (unsigned long long)plan.memory,
		     (unsigned long long)budget);
	if (!ok(run.r == 0 && run.in_order && run.usec >= least && run.usec <= most,
		"%s: the optimum of %zu decoders within %u %%", case_name, decoders, tolerance))
		diag("  %llu us, not %llu to %llu; %u decoders, pool of %llu chunks",
		     (unsigned long long)run.usec, (unsigned long long)least,
		     (unsigned long long)most, plan.decoders,
		     (unsigned long long)plan.pool / PLAN_CHUNK);
}

static void test_speed(void)
{
	static const unsigned threads[] = { 1, 2, 4, 8, 16, 32, 64, 128 };
	static const unsigned whole[] = { CHUNKS_OF_BLOCK };
	/* In eighths: some take three times as long as others, as Blocks of a root do. */
	static const unsigned slow[] = { 8, 5, 9, 12, 4, 8, 10, 7, 4, 9, 11, 6, 8 };
	struct block_list l;

	make_blocks(&l, 47, whole, 1);
	for (size_t t = 0; t < ARRAY_SIZE(threads); t += SANITIZED ? 3 : 1) {
		for (unsigned part = 1; part <= 4; part *= 2) {
			costs = (struct costs){ .decode = 5000 };
			check_speed(&l, threads[t], part, 15);
			costs.slow = slow;
			costs.n_slow = ARRAY_SIZE(slow);
			if (part == 2)
				continue;
			/* Without that third, Blocks wait for the parser behind a long one. */
			check_speed(&l, threads[t], part, part == 1 ? 15 : 50);
		}
	}
	block_list_free(&l);
}

/* ---- the parser ---- */

/* Microseconds for a chunk as bench-zstd measured them for zstd: decoding is so fast that the one thread which parses and makes the
 * names (parse) could hold up all others. It does not, on up to 8 cores; on 16 it is the limit. */
static void test_parser(void)
{
	static const unsigned whole[] = { 64 };
	static const struct costs zstd = { .decode = 300, .parse = 53, .write = 260 };
	static const unsigned threads[] = { 2, 4, 8, 16 };
	struct engine_plan plan;
	struct block_list l;
	struct run run;

	make_blocks(&l, 47, whole, 1);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		uint64_t n = 47 * 64, alone = n * zstd.parse;
		uint64_t shared = n * (zstd.decode + zstd.write) / threads[i];
		bool is_limit = alone > shared;

		costs = zstd;
		snprintf(case_name, sizeof(case_name), "zstd, %u threads", threads[i]);
		engine_plan(&l, threads[i], PLAN_NO_LIMIT, &plan);
		run = run_plan(&l, &plan);
		diag("%s: %llu us; the parser alone %llu, the others %llu", case_name,
		     (unsigned long long)run.usec, (unsigned long long)alone,
		     (unsigned long long)shared);
		ok(run.r == 0 && run.usec <= (is_limit ? alone : shared) * 130 / 100,
		   "%s: no more than 30 %% above what limits it", case_name);
	}
	block_list_free(&l);
}

/* ---- large Blocks ---- */

static void check_run(const struct block_list *l, const struct engine_plan *plan, const char *what,
		      uint64_t least, uint64_t most)
{
	struct run run;

	snprintf(case_name, sizeof(case_name), "%s", what);
	run = run_plan(l, plan);
	if (!ok(run.r == 0 && run.in_order && run.usec >= least && run.usec <= most, "%s", what))
		diag("  %d, %llu us, not %llu to %llu", run.r, (unsigned long long)run.usec,
		     (unsigned long long)least, (unsigned long long)most);
}

/* Decoding, parsing and writing overlap, whatever the pool is; and behind a Block that the pool cannot hold
 * others are decoded while it is. */
static void test_large(void)
{
	static const unsigned one[] = { 200 }, two[] = { 100 };
	static const unsigned mixed[] = { 100, 4, 4, 4, 4, 4, 4, 4, 4 };
	const struct engine_plan small = { 2, 1, DECODER, 4 * PLAN_CHUNK, 0, 0, false };
	const struct engine_plan four = { 4, 4, DECODER, 50 * PLAN_CHUNK, 0, 0, false };
	struct block_list l;

	costs = (struct costs){ .decode = 1000, .parse = 200, .write = 700 };
	make_blocks(&l, 1, one, 1);
	check_run(&l, &small, "one Block of 200 chunks in a pool of 4", 200000, 210000);
	block_list_free(&l);
	make_blocks(&l, 2, two, 1);
	check_run(&l, &small, "two Blocks of 100 in a pool of 4", 200000, 210000);
	block_list_free(&l);
	make_blocks(&l, 9, mixed, 9);
	check_run(&l, &four, "small Blocks behind one that the pool cannot hold", 100000, 110000);
	block_list_free(&l);
	make_blocks(&l, 18, mixed, 9);
	check_run(&l, &four, "two of that kind", 150000, 210000);
	block_list_free(&l);
}

/* A Block that goes on behind its end would take chunks that are promised to others. */
static void test_lie(void)
{
	static const unsigned two[] = { 2 };
	const struct engine_plan plan = { 3, 3, DECODER, 8 * PLAN_CHUNK, 0, 0, false };
	struct block_list l;
	struct run run;

	strcpy(case_name, "a Block that is too long");
	make_blocks(&l, 5, two, 1);
	costs = (struct costs){ .decode = 1000, .too_long = 3 };
	run = run_plan(&l, &plan);
	is_int(run.r, -EBADMSG, "a Block that is too long is refused");
	is_str(run.fail.what, "the payload", "about the payload");
	is_str(run.fail.why, "Block 3 contains more data than its header says", "why");
	block_list_free(&l);
}

/* ---- who is woken ---- */

/* For each chunk one thread that writes, and the parser when it waits; for each Block one that begins it. */
static void test_wakes(void)
{
	static const unsigned chunks[] = { 16 };
	struct engine_plan plan;
	struct block_list l;
	struct run run;

	make_blocks(&l, 300, chunks, 1);
	costs = (struct costs){ .decode = 5000, .write = 200 };
	for (unsigned part = 1; part <= 4; part += 3) {
		snprintf(case_name, sizeof(case_name), "250 threads, 1/%u of the memory", part);
		engine_plan(&l, 250, (13 * MIB + 250 * (DECODER + 4 * MIB)) / part, &plan);
		run = run_plan(&l, &plan);
		if (!ok(run.r == 0 && run.chunks == 4800 && run.wakes <= 3 * run.chunks,
			"%s: who is woken goes on", case_name))
			diag("  %llu chunks, woken %llu times", (unsigned long long)run.chunks,
			     (unsigned long long)run.wakes);
	}
	block_list_free(&l);
}

/* ---- no deadlock ---- */

static uint32_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 16);
}

/* Blocks, pool, threads and times of any kind. */
static bool try_random(uint64_t seed)
{
	static const unsigned sizes[] = { 0, 1, 2, 5, 40 }, times[] = { 0, 1, 30, 1000 };
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
	unsigned chunks[20], threads = 1 + next_random(&state) % 12;
	struct engine_plan plan = { .threads = threads,
				    .decoders = 1 + next_random(&state) % threads,
				    .pool = (2ULL + next_random(&state) % 30) * PLAN_CHUNK,
				    .whole = next_random(&state) % 3 == 0 };
	struct block_list l;
	struct run run;
	bool good;

	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++)
		chunks[i] = next_random(&state) % (1 + sizes[next_random(&state) % 5]);
	make_blocks(&l, next_random(&state) % 40, chunks, ARRAY_SIZE(chunks));
	if (plan.whole && plan.pool < l.largest)
		plan.pool = l.largest;
	costs = (struct costs){ .decode = times[next_random(&state) % 4],
				.parse = times[next_random(&state) % 4],
				.write = times[next_random(&state) % 4] };
	snprintf(case_name, sizeof(case_name), "TARBOOT_TEST_SEED=%llu", (unsigned long long)seed);
	run = run_plan(&l, &plan);
	good = run.r == 0 && run.in_order && run.chunks * PLAN_CHUNK == l.uncompressed;
	block_list_free(&l);
	return good;
}

static void test_random(void)
{
	const char *given = getenv("TARBOOT_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : now_usec();
	unsigned n = getenv("TARBOOT_TEST_ALL") ? 3000 : SANITIZED ? 50 : 200;
	bool good = true;

	diag("TARBOOT_TEST_SEED=%llu", (unsigned long long)seed);
	for (unsigned i = 0; i < n && good; i++)
		good = try_random(seed + i);
	ok(good, "all of %u random cases come to their end%s%s", n, good ? "" : ": ",
	   good ? "" : case_name);
}

int main(void)
{
	test_speed();
	whole_memory = 1 * MIB;
	test_speed();
	test_parser();
	whole_memory = 0;
	test_large();
	test_lie();
	test_wakes();
	test_random();
	return done_testing();
}
