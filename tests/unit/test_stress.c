/*
 * The engine's threads, with delays. Locks, conditions, writes and the decoder are wrapped and wait now
 * and then for a random while, conditions also wake without cause: whatever order the threads get into, the
 * tree is the same, down to the nanosecond and the hard link. And when one fails, all stop at once.
 *
 * TARBOOT_TEST_SEED repeats a run, as far as threads can be repeated; TARBOOT_TEST_ALL=1 runs longer.
 */
#include "engine/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "deadline.h"
#include "make_tar.h"
#include "make_zstd.h"
#include "random.h"
#include "tap.h"
#include "wrap_threads.h"

#define CHUNK 262144
#define MIB (1 << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* ---- delays ---- */

static _Atomic bool delaying;          /* set between runs, read by all */
static _Atomic unsigned failing_write; /* the write that finds no room, from 1; 0 = none */
static _Atomic unsigned n_writes;
static _Atomic uint64_t failed_at; /* now_usec() when the first call of a run failed; 0 = none */
static _Atomic long running_threads;

/* Often the next thread's turn, at times a sleep of up to most microseconds. */
static void delay(unsigned one_in, unsigned most)
{
	uint32_t r;

	if (!atomic_load(&delaying))
		return;
	r = next_random();
	if (r % one_in == 0)
		usleep((r >> 8) % most);
	else if (r % 4 == 1)
		sched_yield();
}

WRAP(int, pthread_mutex_lock, (pthread_mutex_t * lock))
{
	delay(64, 200);
	return REAL(pthread_mutex_lock)(lock);
}

WRAP(int, pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t *lock))
{
	if (!atomic_load(&delaying) || next_random() % 8 > 0)
		return REAL(pthread_cond_wait)(condition, lock);
	pthread_mutex_unlock(lock);
	delay(8, 200);
	return REAL(pthread_mutex_lock)(lock);
}

WRAP(int, pthread_cond_signal, (pthread_cond_t * condition))
{
	delay(64, 200);
	return REAL(pthread_cond_signal)(condition);
}

WRAP(int, pthread_cond_broadcast, (pthread_cond_t * condition))
{
	delay(64, 200);
	return REAL(pthread_cond_broadcast)(condition);
}

static int thread_error(void)
{
	return 0;
}

static void count_threads(int change)
{
	atomic_fetch_add(&running_threads, change);
}

static void note_failure(void)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong(&failed_at, &none, now_usec());
}

/* Late writes are what members that come meanwhile must not mind. */
WRAP(ssize_t, LARGE(pwrite), (int fd, const void *buf, size_t size, off_t offset))
{
	unsigned n = atomic_fetch_add(&n_writes, 1) + 1;

	delay(8, 2000);
	if (n == atomic_load(&failing_write)) {
		note_failure();
		errno = ENOSPC;
		return -1;
	}
	return REAL(LARGE(pwrite))(fd, buf, size, offset);
}

WRAP(lzma_ret, lzma_code, (lzma_stream * stream, lzma_action action))
{
	lzma_ret r = REAL(lzma_code)(stream, action);

	if (r == LZMA_DATA_ERROR)
		note_failure();
	delay(8, 500);
	return r;
}

WRAP(size_t, ZSTD_decompressStream, (ZSTD_DStream * stream, ZSTD_outBuffer *out, ZSTD_inBuffer *in))
{
	size_t r = REAL(ZSTD_decompressStream)(stream, out, in);

	if (ZSTD_isError(r))
		note_failure();
	delay(8, 500);
	return r;
}

/* ---- the archive ---- */

static const struct made cases[] = {
	MADE(DIRECTORY, "."),

	/* a file that is still being written when it comes again */
	MADE(FILE, "twice/large", .size = 540000, .then = MADE_GONE),
	MADE(FILE, "twice/large", .size = 300),
	MADE(FILE, "twice/small", .size = 10, .then = MADE_GONE),
	MADE(FILE, "twice/small", .size = 300000),
	MADE(FILE, "twice/equal", .size = CHUNK, .then = MADE_GONE),
	MADE(FILE, "twice/equal", .size = CHUNK, .then = MADE_GONE),
	MADE(FILE, "twice/equal", .size = CHUNK),
	MADE(FILE, "twice/sparse", .size = 270000, .then = MADE_GONE),
	MADE(FILE, "twice/sparse", .extra = MADE_SPARSE),
	MADE(FILE, "twice/link", .size = 100000, .then = MADE_GONE),
	MADE(SYMLINK, "twice/link", .target = "large"),
	MADE(DIRECTORY, "twice"),

	/* a hard link to a file that is still being written; the last name wins as a new inode */
	MADE(FILE, "hard/one", .size = 540000, .then = "hard/one hard/two hard/three"),
	MADE(HARDLINK, "hard/two", .target = "hard/one"),
	MADE(HARDLINK, "hard/three", .target = "hard/two"),
	MADE(FILE, "hard/old", .size = 270000, .then = "hard/keeps-old"),
	MADE(HARDLINK, "hard/keeps-old", .target = "hard/old"),
	MADE(FILE, "hard/old", .size = 20),
	MADE(FILE, "hard/stays", .size = 30),
	MADE(HARDLINK, "hard/new", .target = "hard/stays"),
	MADE(FILE, "hard/new", .size = 270000, .then = "hard/new hard/newer"),
	MADE(HARDLINK, "hard/newer", .target = "hard/new"),
	MADE(HARDLINK, "hard/newer", .target = "hard/new"),
	MADE(DIRECTORY, "hard", .extra = MADE_DEFAULT_ACL),

	/* directories that nobody describes, or only later */
	MADE(FILE, "untold/a/b", .size = 100),
	MADE(DIRECTORY, "untold", .extra = MADE_UNTOLD),
	MADE(DIRECTORY, "untold/a", .extra = MADE_UNTOLD),
	MADE(FILE, "late/a/b", .size = 100000),
	MADE(DIRECTORY, "late/a"),
	MADE(DIRECTORY, "late", .then = MADE_GONE),
	MADE(DIRECTORY, "late"),

	/* symbolic links on the way */
	MADE(DIRECTORY, "usr"),
	MADE(DIRECTORY, "usr/lib"),
	MADE(SYMLINK, "lib", .target = "usr/lib"),
	MADE(FILE, "lib/relative", .size = 100000, .then = "usr/lib/linked"),
	MADE(SYMLINK, "absolute", .target = "/usr"),
	MADE(FILE, "absolute/lib/absolute", .size = 40, .then = "usr/lib/absolute"),
	MADE(SYMLINK, "dots", .target = "late/../usr/./lib/../lib"),
	MADE(FILE, "dots/dots", .size = 50, .then = "usr/lib/dots"),
	MADE(SYMLINK, "late/up", .target = "../usr"),
	MADE(FILE, "late/up/up", .size = 60, .then = "usr/up"),
	MADE(HARDLINK, "lib/linked", .target = "lib/relative"),
	MADE(FILE, "absolute/lib/relative", .size = 70, .then = "usr/lib/relative"),

	/* one name, several types */
	MADE(DIRECTORY, "turns", .then = MADE_GONE),
	MADE(SYMLINK, "turns", .target = "usr", .then = MADE_GONE),
	MADE(FILE, "turns/through", .size = 100000, .then = "usr/through"),
	MADE(DIRECTORY, "turns"),
	MADE(FILE, "turns/inside", .size = 80),
	MADE(FILE, "changes", .size = 270000, .then = MADE_GONE),
	MADE(DIRECTORY, "changes", .then = MADE_GONE),
	MADE(FILE, "changes", .size = 100000, .then = MADE_GONE),
	MADE(FIFO, "changes", .then = MADE_GONE),
	MADE(FILE, "changes", .size = 90, .extra = MADE_XATTRS),
	MADE(FILE, "becomes", .size = 100000, .then = MADE_GONE),
	MADE(DIRECTORY, "becomes"),
	MADE(FILE, "becomes/full", .size = 100, .extra = MADE_ACL),
};

#define N_FILLERS 150

static struct made members[ARRAY_SIZE(cases) + N_FILLERS];
static struct bytes tar;
static char *want;

static void make_archive(void)
{
	static char names[N_FILLERS][32];
	size_t n = 0;

	/* Half of them before the cases, so that there is something to be late with. */
	members[n++] = cases[0];
	for (size_t i = 0; i < N_FILLERS; i++) {
		if (i == N_FILLERS / 2) {
			memcpy(&members[n], &cases[1], sizeof(cases) - sizeof(cases[0]));
			n += ARRAY_SIZE(cases) - 1;
		}
		snprintf(names[i], sizeof(names[i]), "file-%zu", i);
		members[n++] = (struct made)MADE(FILE, names[i], .size = i % 11 * i % 20000);
	}
	make_tar(&tar, members, n);
	want = made_listing(members, n, false);
}

/* ---- running the engine ---- */

static const unsigned threads[] = { 1, 2, 3, 8, 64 };

static int run(const struct bytes *file, int root_fd, unsigned n_threads, uint64_t pool,
	       struct fail *f)
{
	const struct engine_plan plan = { .threads = n_threads,
					  .decoders = (n_threads + 1) / 2,
					  .pool = pool };
	const struct unpack_options options = { .root_fd = root_fd,
						.threads = n_threads,
						.plan = pool ? &plan : NULL,
						.discard = true };
	struct unpack_result result;
	struct payload p;
	int r;

	open_payload(file, &p);
	atomic_store(&n_writes, 0);
	atomic_store(&failed_at, 0);
	alarm(120); /* more than the slowest build needs on a busy machine */
	r = unpack_run(&p, &options, &result, f);
	alarm(0);
	payload_close(&p);
	return r;
}

static bool nothing_left(int descriptors)
{
	return atomic_load(&running_threads) == 0 && count_descriptors() == descriptors;
}

/* ---- one tree ---- */

static const struct {
	const char *name;
	struct xz_recipe recipe;
	unsigned streams; /* of xz; 0: it is zstd */
	struct zstd_recipe zstd;
} kinds[] = {
	{ "many small Blocks", { .every = 30000 }, 1, {} },
	{ "one Block", { .n_blocks = 1 }, 1, {} },
	{ "Blocks without sizes", { .every = 300000, .no_sizes = true }, 1, {} },
	{ "several streams", { .every = 200000, .padding = 8 }, 4, {} },
	{ "many small frames", {}, 0, { .level = 1, .every = 30000, .empty = true } },
	{ "one frame without its size", {}, 0, { .level = 1, .no_size = true } },
	{ "frames without sizes", {}, 0, { .level = 1, .every = 300000, .no_size = true } },
};

static void build(struct bytes *file, size_t kind)
{
	struct xz_recipe recipe = kinds[kind].recipe;
	size_t at = 0, size;

	if (kinds[kind].streams == 0)
		add_zstd(file, &kinds[kind].zstd, tar.data, tar.size);
	recipe.check = LZMA_CHECK_CRC32;
	for (unsigned left = kinds[kind].streams; left > 0; left--, at += size) {
		size = (tar.size - at) / left;
		add_stream(file, &recipe, tar.data + at, size);
	}
}

/* NULL, or what is wrong. Valid until the next call. */
static const char *try_once(const struct bytes *file, unsigned n_threads, uint64_t pool)
{
	static char wrong[1200];
	int root_fd = scratch_dir("root"), before = count_descriptors();
	const char *difference = NULL;
	struct fail f = { 0 };
	char *have;

	if (run(file, root_fd, n_threads, pool, &f) < 0) {
		snprintf(wrong, sizeof(wrong), "%s: %s", f.what, f.why);
		difference = wrong;
	} else {
		have = listing_text(root_fd, &(struct listing_options){ 0 });
		made_blot(have, members, ARRAY_SIZE(members));
		difference = listing_difference(have, want);
		free(have);
	}
	if (!difference && !nothing_left(before))
		difference = "threads or descriptors are left";
	close(root_fd);
	scratch_remove(scratch_base_fd, "root");
	return difference;
}

static void test_one_tree(void)
{
	static const uint64_t pools[] = { 1, 3 * CHUNK, 0 };
	unsigned rounds = getenv("TARBOOT_TEST_ALL") ? 30 : SANITIZED ? 1 : 2;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct bytes file = { 0 };

		build(&file, k);
		for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
			const char *wrong = NULL;
			unsigned n = 0;

			for (; n < rounds * ARRAY_SIZE(pools) && !wrong; n++) {
				snprintf(case_name, sizeof(case_name),
					 "%s, %u threads, pool %zu, seed %llu", kinds[k].name,
					 threads[t], n % ARRAY_SIZE(pools),
					 (unsigned long long)seed);
				wrong = try_once(&file, threads[t], pools[n % ARRAY_SIZE(pools)]);
			}
			if (!ok(!wrong, "%s, %u threads: the same tree in %u runs", kinds[k].name,
				threads[t], n))
				diag("  %s\n  %s", case_name, wrong);
		}
		bytes_free(&file);
	}
}

/* ---- one failure ---- */

enum trouble { DAMAGE, NO_ROOM };

/* Runs into trouble in the middle; returns the microseconds from the first call that fails to the end, or -1
 * when something is wrong, which is said. */
static long fail_once(struct bytes *file, enum trouble trouble, unsigned n_threads, unsigned write)
{
	int root_fd = scratch_dir("root"), before = count_descriptors(), r;
	uint8_t *middle = &file->data[file->size / 8 * 3];
	struct fail f = { 0 };
	uint64_t end;
	bool good;

	snprintf(case_name, sizeof(case_name), "%s, %u threads, seed %llu",
		 trouble == DAMAGE ? "damage" : "no room", n_threads, (unsigned long long)seed);
	if (trouble == DAMAGE)
		*middle ^= 0x55;
	else
		atomic_store(&failing_write, write);
	r = run(file, root_fd, n_threads, 0, &f);
	end = now_usec();
	if (trouble == DAMAGE)
		*middle ^= 0x55;
	atomic_store(&failing_write, 0);
	good = r == (trouble == DAMAGE ? -EBADMSG : -ENOSPC) && f.error == -r && *f.what &&
	       *f.why && atomic_load(&failed_at) && nothing_left(before);
	if (!good)
		diag("%s: %d, %s: %s, %ld threads run", case_name, r, f.what, f.why,
		     atomic_load(&running_threads));
	close(root_fd);
	scratch_remove(scratch_base_fd, "root");
	return good ? (long)(end - atomic_load(&failed_at)) : -1;
}

static int compare_longs(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Content that takes 10 ms and more for each chunk, in Blocks of many chunks: a worker that does not look
 * whether others failed would go on for long. */
static void make_slow_files(struct bytes *ret_xz, struct bytes *ret_zstd)
{
	static const struct made noise[] = {
		MADE(FILE, "a", .size = 3 * MIB / 2, .extra = MADE_NOISE),
		MADE(FILE, "b", .size = 3 * MIB / 2, .extra = MADE_NOISE),
		MADE(FILE, "c", .size = 3 * MIB / 2, .extra = MADE_NOISE),
		MADE(FILE, "d", .size = 3 * MIB / 2, .extra = MADE_NOISE)
	};
	const struct xz_recipe recipe = { .every = 3 * MIB / 2, .check = LZMA_CHECK_CRC32 };
	const struct zstd_recipe zstd = { .every = 3 * MIB / 2, .level = 1 };
	struct bytes slow = { 0 };

	make_tar(&slow, noise, SANITIZED ? 2 : ARRAY_SIZE(noise));
	add_stream(ret_xz, &recipe, slow.data, slow.size);
	add_zstd(ret_zstd, &zstd, slow.data, slow.size);
	bytes_free(&slow);
}

static void test_failure(struct bytes *file, enum trouble trouble, const char *name)
{
	enum { RUNS = SANITIZED ? 3 : 9 };
	/* A chunk takes the sanitizers ten times as long. */
	const long limit = SANITIZED ? 1000000 : 100000;
	long times[RUNS];
	bool good = true;

	for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
		for (size_t i = 0; i < RUNS; i++) {
			times[i] = fail_once(file, trouble, threads[t], 12);
			good = good && times[i] >= 0;
		}
		qsort(times, RUNS, sizeof(times[0]), compare_longs);
		ok(good && times[RUNS / 2] < limit,
		   "%s, %u threads: all is over %ld us later (least %ld, most %ld)", name,
		   threads[t], times[RUNS / 2], times[0], times[RUNS - 1]);
	}
}

/* Slow threads: the file of this kind, damaged and without room for it. */
static void test_late_failures(size_t kind)
{
	struct bytes file = { 0 };
	unsigned rounds = SANITIZED ? 2 : 8;

	build(&file, kind);
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
		bool good = true;

		for (unsigned i = 0; i < rounds; i++)
			good = good && fail_once(&file, DAMAGE, threads[t], 0) >= 0 &&
			       fail_once(&file, NO_ROOM, threads[t], 1 + i * 20) >= 0;
		ok(good, "slow threads, %u of them: damage of %s and lack of room end them",
		   threads[t], kinds[kind].name);
	}
	bytes_free(&file);
}

static void test_failures(void)
{
	struct bytes slow = { 0 }, zstd = { 0 };

	make_slow_files(&slow, &zstd);
	atomic_store(&delaying, false);
	test_failure(&slow, DAMAGE, "a damaged Block");
	test_failure(&slow, NO_ROOM, "a write without room");
	test_failure(&zstd, DAMAGE, "a damaged frame");
	test_failure(&zstd, NO_ROOM, "a write without room, zstd");
	bytes_free(&slow);
	bytes_free(&zstd);
	atomic_store(&delaying, true);
	test_late_failures(0);
	test_late_failures(4);
}

int main(void)
{
	const char *given = getenv("TARBOOT_TEST_SEED");

	if (geteuid() != 0) {
		skip(1, "not root: owners must be real");
		return done_testing();
	}
	seed = given ? strtoull(given, NULL, 0) : now_usec();
	diag("TARBOOT_TEST_SEED=%llu", (unsigned long long)seed);
	deadline_open();
	setlocale(LC_CTYPE, "C.UTF-8");
	scratch_in_memory();
	make_archive();
	atomic_store(&delaying, true);
	test_one_tree();
	test_failures();
	if (tap_failed)
		fprintf(stderr, "# TARBOOT_TEST_SEED=%llu\n", (unsigned long long)seed);
	bytes_free(&tar);
	free(want);
	return done_testing();
}
