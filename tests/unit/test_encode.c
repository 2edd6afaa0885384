/*
 * Both encoders of payloads: the same bytes with any number of threads and whatever pieces they get; when the output fails, or a
 * call, they end with a sentence and leave nothing behind.
 */
#include "image/encode.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "codec/codec.h"
#include "make_xz.h"
#include "tap.h"
#include "wrap_threads.h"

#define BLOCK 65536
#define DATA_SIZE (5 * BLOCK + 4321)
static uint8_t data[DATA_SIZE];

static const struct encode_kind *const kinds[] = { &encode_xz, &encode_zstd };
static const unsigned threads[] = { 1, 2, 7 };

/* ---- calls that fail ---- */

enum call { CALL_MALLOC, CALL_CALLOC, CALL_PTHREAD_CREATE, N_CALLS };
static const char *const call_names[] = { "malloc", "calloc", "pthread_create" };

static enum call failing;
static unsigned first, last; /* which of its calls, from 1; 0 = none */
static _Atomic bool counting;
static _Atomic unsigned n_calls[N_CALLS], n_failed;
static _Atomic long held_blocks, held_threads;

static bool fails(enum call call)
{
	unsigned n;

	if (!atomic_load(&counting))
		return false;
	n = atomic_fetch_add(&n_calls[call], 1) + 1;
	if (call != failing || n < first || n > last)
		return false;
	atomic_fetch_add(&n_failed, 1);
	return true;
}

static void count(_Atomic long *held, int change)
{
	if (atomic_load(&counting))
		atomic_fetch_add(held, change);
}

WRAP(void *, malloc, (size_t size))
{
	void *p = fails(CALL_MALLOC) ? NULL : REAL(malloc)(size);

	count(&held_blocks, p != NULL);
	return p;
}

/* musl's comes to malloc for it. */
WRAP(void *, calloc, (size_t n, size_t size))
{
	return fails(CALL_CALLOC) ? NULL : REAL(calloc)(n, size);
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	count(&held_blocks, p ? -1 : 0);
	__real_free(p);
}

static int thread_error(void)
{
	return fails(CALL_PTHREAD_CREATE) ? EAGAIN : 0;
}

static void count_threads(int change)
{
	count(&held_threads, change);
}

/* ---- encoding ---- */

struct output {
	uint8_t bytes[2 * DATA_SIZE];
	size_t size;
	unsigned calls, failing; /* the call that fails, from 1; 0 = none */
};

static int take(void *arg, const void *bytes, size_t size, struct fail *f)
{
	struct output *o = arg;

	if (++o->calls == o->failing)
		return fail_set(f, ENOSPC, "the disk", "Make room.", "it is full");
	if (size > sizeof(o->bytes) - o->size)
		scratch_die("the output is too large");
	if (size > 0)
		memcpy(o->bytes + o->size, bytes, size);
	o->size += size;
	return 0;
}

/* *ret_opened: the failure, if there is one, came later. */
static int encode(const struct encode_kind *kind, unsigned n_threads, size_t size, size_t step,
		  struct output *o, bool *ret_opened, struct fail *f)
{
	const struct encode_settings settings = { .level = ENCODE_FAST,
						  .threads = n_threads,
						  .block_size = BLOCK };
	struct encoder *e = NULL;
	int r = kind->open(&settings, take, o, &e);

	*ret_opened = r == 0;
	if (r < 0)
		return r;
	for (size_t at = 0; r == 0 && at < size; at += step)
		r = kind->add(e, data + at, min_u64(step, size - at), f);
	if (r == 0)
		r = kind->finish(e, f);
	kind->free(e);
	return r;
}

/* What both compress: text with noise in it. */
static void fill_data(void)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < DATA_SIZE; i += 16) {
		char piece[17];

		state = state * 1664525 + 1013904223;
		snprintf(piece, sizeof(piece), "%x and word %02x, ", state >> 20 & 15, state >> 24);
		memcpy(data + i, piece, min_u64(16, DATA_SIZE - i));
	}
}

/* Without any trouble. */
static void encode_well(const struct encode_kind *kind, unsigned n_threads, size_t size,
			size_t step, struct output *o)
{
	struct fail f = { 0 };
	bool opened;

	*o = (struct output){ 0 };
	if (encode(kind, n_threads, size, step, o, &opened, &f) < 0)
		scratch_die(f.why);
}

static void test_same(const struct encode_kind *kind, size_t size)
{
	static struct output want, have;
	const size_t steps[] = { 1, 777, BLOCK, BLOCK + 1, DATA_SIZE };

	encode_well(kind, 1, size, DATA_SIZE, &want);
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
		bool same = true;

		for (size_t i = size > BLOCK + 1; i < ARRAY_SIZE(steps); i++) {
			encode_well(kind, threads[t], size, steps[i], &have);
			same = same && have.size == want.size &&
			       memcmp(have.bytes, want.bytes, want.size) == 0;
		}
		ok(same, "%s: %zu bytes are the same %zu with %u threads", kind->name, size,
		   want.size, threads[t]);
	}
}

static void test_blocks(const struct encode_kind *kind, size_t size)
{
	static struct output o;
	static uint8_t back[8 << 20]; /* more than a decoder takes */
	struct block_list l;
	struct payload p = { .name = "the payload" };
	struct fail f = { 0 };
	size_t used;
	int fd;

	encode_well(kind, 7, size, 5000, &o);
	fd = data_file(o.bytes, o.size);
	must(codec_decode(fd, "the payload", back, sizeof(back), &used, &f));
	ok(used == size && memcmp(back, data, size) == 0, "%s: %zu bytes are read again",
	   kind->name, size);
	must(payload_add(&p, fd, 0, o.size));
	must(block_list_read(&p, &l, &f));
	if (size > 0)
		is_int((long long)l.n, (long long)((size + BLOCK - 1) / BLOCK), "Blocks");
	ok(l.uncompressed == size && l.unsized == 0 && l.unchecked == 0,
	   "which say their sizes and have a check");
	block_list_free(&l);
	payload_close(&p);
}

/* ---- trouble ---- */

static void begin_counting(void)
{
	for (size_t i = 0; i < N_CALLS; i++)
		atomic_store(&n_calls[i], 0);
	atomic_store(&n_failed, 0);
	atomic_store(&held_blocks, 0);
	atomic_store(&held_threads, 0);
	atomic_store(&counting, true);
}

/* Where libc's own calls are not wrapped, ASan looks for memory. */
static bool nothing_left(void)
{
#ifndef __GLIBC__
	if (atomic_load(&held_blocks) != 0)
		diag("  %ld blocks of memory are left", atomic_load(&held_blocks));
	if (atomic_load(&held_blocks) != 0)
		return false;
#endif
	return atomic_load(&held_threads) == 0;
}

static void test_full_disk(const struct encode_kind *kind)
{
	static struct output o;
	unsigned calls;

	encode_well(kind, 1, DATA_SIZE, 5000, &o);
	calls = o.calls;
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
		bool good = true, opened;

		for (unsigned i = 1; i <= calls; i++) {
			struct fail f = { 0 };
			int r;

			o = (struct output){ .failing = i };
			begin_counting();
			r = encode(kind, threads[t], DATA_SIZE, 5000, &o, &opened, &f);
			atomic_store(&counting, false);
			good = good && r == -ENOSPC && f.error == ENOSPC &&
			       strcmp(f.what, "the disk") == 0 &&
			       strcmp(f.why, "it is full") == 0 && o.calls == i && nothing_left();
		}
		ok(good, "%s, %u threads: each of %u writes finds no room: no other follows",
		   kind->name, threads[t], calls);
	}
}

/* What comes of one run: the right bytes, or a failure with this error. */
static bool is_well(int r, bool opened, int error, const struct output *o,
		    const struct output *want, const struct fail *f)
{
	char why[200];

	if (r == 0)
		return o->size == want->size && memcmp(o->bytes, want->bytes, want->size) == 0;
	if (!opened)
		return r == -error;
	/* liblzma has one error for both */
	snprintf(why, sizeof(why), "cannot compress it: %s", strerror(ENOMEM));
	return r == -ENOMEM && f->error == ENOMEM && strcmp(f->what, "the payload") == 0 &&
	       strcmp(f->why, why) == 0 && strcmp(f->todo, "Pack with fewer --threads.") == 0;
}

/* Call n fails, and with all those behind it, too. */
static bool fail_call(const struct encode_kind *kind, enum call call, unsigned n, bool all,
		      unsigned n_threads, const struct output *want, unsigned *ret_refused)
{
	static struct output o;
	struct fail f = { 0 };
	bool opened, good;
	int r;

	o = (struct output){ 0 };
	failing = call;
	first = n;
	last = all ? UINT_MAX : n;
	begin_counting();
	r = encode(kind, n_threads, DATA_SIZE, 50000, &o, &opened, &f);
	atomic_store(&counting, false);
	first = last = 0;
	good = is_well(r, opened, call == CALL_PTHREAD_CREATE ? EAGAIN : ENOMEM, &o, want, &f) &&
	       nothing_left();
	if (!good)
		diag("  call %u of %s%s: %d, %s: %s", n, call_names[call], all ? " and on" : "", r,
		     f.what, f.why);
	*ret_refused += r < 0;
	return good;
}

static void test_failing(const struct encode_kind *kind, unsigned n_threads)
{
	static struct output want;
	unsigned calls[N_CALLS];

	begin_counting();
	encode_well(kind, n_threads, DATA_SIZE, 50000, &want);
	atomic_store(&counting, false);
	ok(nothing_left(), "%s, %u threads: nothing is left behind", kind->name, n_threads);
	for (size_t i = 0; i < N_CALLS; i++)
		calls[i] = atomic_load(&n_calls[i]);
	for (enum call c = 0; c < N_CALLS; c++) {
		unsigned refused = 0;
		bool good = calls[c] > 0;

		for (unsigned n = 1; n <= calls[c]; n++) {
			good = fail_call(kind, c, n, false, n_threads, &want, &refused) && good;
			good = fail_call(kind, c, n, true, n_threads, &want, &refused) && good;
		}
		ok(good && refused > 0, "%s, %u threads: each of %u calls of %s fails: %u refused",
		   kind->name, n_threads, calls[c], call_names[c], refused);
	}
}

/* One thread is enough: only the first one that cannot be started is a failure. */
static void test_one_thread_is_enough(void)
{
	static struct output want;
	unsigned refused = 0;

	encode_well(&encode_zstd, 1, DATA_SIZE, 50000, &want);
	ok(fail_call(&encode_zstd, CALL_PTHREAD_CREATE, 2, true, 7, &want, &refused) &&
		   refused == 0,
	   "zstd goes on with the threads that there are");
	ok(fail_call(&encode_zstd, CALL_PTHREAD_CREATE, 1, true, 7, &want, &refused) &&
		   refused == 1,
	   "but not with none");
}

static void test_given_up(const struct encode_kind *kind)
{
	static struct output o;
	const struct encode_settings settings = { .level = ENCODE_FAST,
						  .threads = 3,
						  .block_size = BLOCK };
	bool good = true;

	for (size_t size = 0; size <= DATA_SIZE; size += DATA_SIZE / 4) {
		struct encoder *e = NULL;
		struct fail f = { 0 };

		o = (struct output){ 0 };
		begin_counting();
		must(kind->open(&settings, take, &o, &e));
		if (size)
			must(kind->add(e, data, size, &f));
		kind->free(e);
		atomic_store(&counting, false);
		good = good && nothing_left();
	}
	kind->free(NULL);
	ok(good, "%s: nothing is left of what was given up", kind->name);
}

int main(void)
{
	static const size_t sizes[] = { 0, 1, BLOCK, BLOCK + 1, DATA_SIZE };

	fill_data();
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			test_same(kinds[k], sizes[i]);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			test_blocks(kinds[k], sizes[i]);
		test_full_disk(kinds[k]);
		test_failing(kinds[k], 1);
		test_failing(kinds[k], 3);
		test_given_up(kinds[k]);
	}
	test_one_thread_is_enough();
	return done_testing();
}
