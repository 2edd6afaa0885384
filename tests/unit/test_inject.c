/*
 * The engine when a call fails. Each function that it, liblzma and libzstd call is wrapped; a good run
 * counts the calls, then each of them fails once, and all from it on. A run must end in time, as the right
 * tree or as a failure that says what and why, and must leave no descriptor, memory or thread behind.
 *
 * Runs happen in child processes: one that dies is the parent's finding. TARBOOT_TEST_ALL=1 leaves no call
 * out, otherwise it is the first ones, the last ones and some between. An argument names the only function
 * that is to fail.
 */
#include "engine/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "make_tar.h"
#include "make_zstd.h"
#include "tap.h"
#include "wrap_threads.h"

#define CHUNK 262144

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* ---- the calls ---- */

/* clang-format off */
#define CALLS(X) \
	X(malloc) X(calloc) X(realloc) \
	X(mmap) X(munmap) X(madvise) X(fdopen) X(fgets) \
	X(pthread_create) X(sched_getaffinity) \
	X(openat) X(fcntl) X(close) X(fstat) X(fstatat) X(readlinkat) X(fchdir) \
	X(pread) X(pwrite) X(ftruncate) X(fallocate) \
	X(mkdirat) X(symlinkat) X(linkat) X(mknodat) X(mkfifoat) X(unlinkat) \
	X(fchown) X(fchownat) X(fchmod) X(fchmodat) X(futimens) X(utimensat) \
	X(fsetxattr) X(lsetxattr)
/* clang-format on */

#define CALL_ID(name) CALL_##name,
enum call { CALLS(CALL_ID) N_CALLS };
#define CALL_NAME(name) [CALL_##name] = #name,
static const char *const call_names[] = { CALLS(CALL_NAME) };

/* Errors that are none. */
enum { NOTHING = -1 /* nothing is written */, SHORT = -2 /* half of it is read or written */ };

/* What is to fail: set before a run's threads start. */
static struct {
	enum call call;
	unsigned first, last; /* which of its calls, from 1 */
	int error;
} plan;

/* Counted while the engine runs; by any thread. */
static _Atomic bool counting;
static _Atomic unsigned n_calls[N_CALLS], n_failed;
static _Atomic bool attribute_needed;
static _Atomic long held_blocks, held_threads;
static void *_Atomic held_maps[8];

static bool fails(enum call call)
{
	unsigned n;

	if (!atomic_load(&counting))
		return false;
	n = atomic_fetch_add(&n_calls[call], 1) + 1;
	if (call != plan.call || n < plan.first || n > plan.last)
		return false;
	atomic_fetch_add(&n_failed, 1);
	errno = plan.error;
	return true;
}

static void count(_Atomic long *held, int change)
{
	if (atomic_load(&counting))
		atomic_fetch_add(held, change);
}

#define WRAP_CALL(call, symbol, type, parameters, arguments, failed)           \
	WRAP(type, symbol, parameters)                                         \
	{                                                                      \
		return fails(CALL_##call) ? (failed) : REAL(symbol) arguments; \
	}

WRAP_CALL(openat, LARGE(openat), int, (int fd, const char *path, int flags, mode_t mode),
	  (fd, path, flags, mode), -1)
WRAP_CALL(fcntl, LARGE(fcntl), int, (int fd, int command, long arg), (fd, command, arg), -1)
#ifdef __GLIBC__ /* libarchive was built without 64-bit file offsets */
WRAP_CALL(fcntl, fcntl, int, (int fd, int command, long arg), (fd, command, arg), -1)
#endif
WRAP_CALL(fstat, LARGE(fstat), int, (int fd, struct stat *st), (fd, st), -1)
#ifdef __GLIBC__ /* and so was libsodium */
WRAP_CALL(fstat, fstat, int, (int fd, struct stat *st), (fd, st), -1)
#endif
WRAP_CALL(fstatat, LARGE(fstatat), int, (int fd, const char *path, struct stat *st, int flags),
	  (fd, path, st, flags), -1)
WRAP_CALL(readlinkat, readlinkat, ssize_t, (int fd, const char *path, char *buf, size_t size),
	  (fd, path, buf, size), -1)
WRAP_CALL(ftruncate, LARGE(ftruncate), int, (int fd, off_t size), (fd, size), -1)
WRAP_CALL(fallocate, LARGE(fallocate), int, (int fd, int mode, off_t offset, off_t size),
	  (fd, mode, offset, size), -1)
WRAP_CALL(mkdirat, mkdirat, int, (int fd, const char *path, mode_t mode), (fd, path, mode), -1)
WRAP_CALL(symlinkat, symlinkat, int, (const char *target, int fd, const char *path),
	  (target, fd, path), -1)
WRAP_CALL(linkat, linkat, int, (int from, const char *path, int to, const char *name, int flags),
	  (from, path, to, name, flags), -1)
WRAP_CALL(mknodat, mknodat, int, (int fd, const char *path, mode_t mode, dev_t dev),
	  (fd, path, mode, dev), -1)
WRAP_CALL(mkfifoat, mkfifoat, int, (int fd, const char *path, mode_t mode), (fd, path, mode), -1)
WRAP_CALL(unlinkat, unlinkat, int, (int fd, const char *path, int flags), (fd, path, flags), -1)
WRAP_CALL(fchdir, fchdir, int, (int fd), (fd), -1)
WRAP_CALL(fchown, fchown, int, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), -1)
WRAP_CALL(fchownat, fchownat, int, (int fd, const char *path, uid_t uid, gid_t gid, int flags),
	  (fd, path, uid, gid, flags), -1)
WRAP_CALL(fchmod, fchmod, int, (int fd, mode_t mode), (fd, mode), -1)
WRAP_CALL(fchmodat, fchmodat, int, (int fd, const char *path, mode_t mode, int flags),
	  (fd, path, mode, flags), -1)
WRAP_CALL(futimens, futimens, int, (int fd, const struct timespec times[2]), (fd, times), -1)
WRAP_CALL(utimensat, utimensat, int,
	  (int fd, const char *path, const struct timespec times[2], int flags),
	  (fd, path, times, flags), -1)
WRAP_CALL(fdopen, fdopen, FILE *, (int fd, const char *mode), (fd, mode), NULL)
WRAP_CALL(madvise, madvise, int, (void *at, size_t size, int advice), (at, size, advice), -1)
WRAP_CALL(sched_getaffinity, sched_getaffinity, int, (pid_t pid, size_t size, cpu_set_t *set),
	  (pid, size, set), -1)

static _Thread_local bool fgets_failed;

WRAP(char *, fgets, (char *line, int size, FILE *from))
{
	fgets_failed = fails(CALL_fgets);
	return fgets_failed ? NULL : REAL(fgets)(line, size, from);
}

WRAP(int, ferror, (FILE * f))
{
	return fgets_failed || REAL(ferror)(f);
}

/* Linux closes the descriptor even then. */
WRAP(int, close, (int fd))
{
	int r = REAL(close)(fd);

	return fails(CALL_close) ? -1 : r;
}

WRAP(ssize_t, LARGE(pread), (int fd, void *buf, size_t size, off_t offset))
{
	if (!fails(CALL_pread))
		return REAL(LARGE(pread))(fd, buf, size, offset);
	return plan.error == SHORT ? REAL(LARGE(pread))(fd, buf, (size + 1) / 2, offset) : -1;
}

WRAP(ssize_t, LARGE(pwrite), (int fd, const void *buf, size_t size, off_t offset))
{
	if (!fails(CALL_pwrite))
		return REAL(LARGE(pwrite))(fd, buf, size, offset);
	if (plan.error == SHORT)
		return REAL(LARGE(pwrite))(fd, buf, (size + 1) / 2, offset);
	return plan.error == NOTHING ? 0 : -1;
}

static bool xattr_fails(enum call call, const char *key)
{
	if (!fails(call))
		return false;
	/* By its descriptor a directory gets back the default ACL that was taken from it. */
	if (strcmp(key, "security.capability") == 0 ||
	    (call == CALL_fsetxattr && strcmp(key, "system.posix_acl_default") == 0))
		atomic_store(&attribute_needed, true);
	return true;
}

WRAP(int, fsetxattr, (int fd, const char *key, const void *value, size_t size, int flags))
{
	return xattr_fails(CALL_fsetxattr, key) ? -1 : REAL(fsetxattr)(fd, key, value, size, flags);
}

WRAP(int, lsetxattr, (const char *path, const char *key, const void *value, size_t size, int flags))
{
	return xattr_fails(CALL_lsetxattr, key) ? -1
						: REAL(lsetxattr)(path, key, value, size, flags);
}

/* What is taken must be given back. musl's calloc comes to malloc for it. Where libc's
 * own calls are not wrapped ASan looks. */

WRAP(void *, malloc, (size_t size))
{
	void *p = fails(CALL_malloc) ? NULL : REAL(malloc)(size);

	count(&held_blocks, p != NULL);
	return p;
}

WRAP(void *, calloc, (size_t n, size_t size))
{
	return fails(CALL_calloc) ? NULL : REAL(calloc)(n, size);
}

WRAP(void *, realloc, (void *old, size_t size))
{
	void *p = fails(CALL_realloc) ? NULL : REAL(realloc)(old, size);

	count(&held_blocks, !old && p);
	return p;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	count(&held_blocks, p ? -1 : 0);
	__real_free(p);
}

/* musl's free unmaps what it mapped itself: only what the engine mapped is looked at. */
static void swap_map(void *from, void *to)
{
	for (size_t i = 0; atomic_load(&counting) && i < ARRAY_SIZE(held_maps); i++) {
		void *expected = from;

		if (atomic_compare_exchange_strong(&held_maps[i], &expected, to))
			return;
	}
}

WRAP(void *, LARGE(mmap), (void *at, size_t size, int prot, int flags, int fd, off_t offset))
{
	void *p = fails(CALL_mmap) ? MAP_FAILED
				   : REAL(LARGE(mmap))(at, size, prot, flags, fd, offset);

	if (p != MAP_FAILED)
		swap_map(NULL, p);
	return p;
}

WRAP(int, munmap, (void *at, size_t size))
{
	swap_map(at, NULL);
	return fails(CALL_munmap) ? -1 : REAL(munmap)(at, size);
}

static int thread_error(void)
{
	return fails(CALL_pthread_create) ? plan.error : 0;
}

static void count_threads(int change)
{
	count(&held_threads, change);
}

/* ---- the faults ---- */

enum outcome {
	REFUSED, /* the run fails with this error */
	GOES_ON, /* it succeeds all the same */
	EITHER,  /* it may do without, or fail with this error */
	LOSES,   /* it succeeds and counts what is lost; never a capability, or what was taken */
	ENOUGH,  /* it succeeds unless it is the first call */
};

static const struct fault {
	enum call call;
	int error;
	enum outcome then;
} faults[] = {
	/* out of memory: caches may be done without */
	{ CALL_malloc, ENOMEM, EITHER },
	{ CALL_calloc, ENOMEM, EITHER },
	{ CALL_realloc, ENOMEM, EITHER },
	{ CALL_mmap, ENOMEM, REFUSED },
	{ CALL_munmap, EINVAL, GOES_ON },
	{ CALL_madvise, EINVAL, GOES_ON },
	{ CALL_fdopen, ENOMEM, REFUSED },

	/* threads */
	{ CALL_pthread_create, EAGAIN, ENOUGH },
	{ CALL_sched_getaffinity, EPERM, GOES_ON },

	/* descriptors */
	{ CALL_openat, EMFILE, REFUSED },
	{ CALL_openat, ENFILE, REFUSED },
	{ CALL_openat, ENOMEM, REFUSED },
	{ CALL_fcntl, EMFILE, REFUSED },
	{ CALL_fstat, EIO, REFUSED },
	{ CALL_fstatat, ENOMEM, REFUSED },
	{ CALL_readlinkat, EIO, REFUSED },
	{ CALL_fchdir, EIO, REFUSED },
	{ CALL_close, EIO, EITHER }, /* of what was written it counts */
	{ CALL_fgets, EIO, REFUSED },

	/* the payload */
	{ CALL_pread, EIO, REFUSED },
	{ CALL_pread, EINTR, GOES_ON },
	{ CALL_pread, SHORT, GOES_ON },
	{ CALL_fallocate, EOPNOTSUPP, GOES_ON },

	/* files */
	{ CALL_pwrite, ENOSPC, REFUSED },
	{ CALL_pwrite, EDQUOT, REFUSED },
	{ CALL_pwrite, EIO, REFUSED },
	{ CALL_pwrite, EINTR, GOES_ON },
	{ CALL_pwrite, SHORT, GOES_ON },
	{ CALL_pwrite, NOTHING, REFUSED },
	{ CALL_ftruncate, EFBIG, REFUSED },

	/* names */
	{ CALL_openat, ENOSPC, REFUSED },
	{ CALL_mkdirat, ENOSPC, REFUSED },
	{ CALL_symlinkat, ENOSPC, REFUSED },
	{ CALL_linkat, EMLINK, REFUSED },
	{ CALL_mknodat, EPERM, REFUSED },
	{ CALL_mkfifoat, EPERM, REFUSED },
	{ CALL_unlinkat, EIO, REFUSED },

	/* metadata */
	{ CALL_fchown, EPERM, REFUSED },
	{ CALL_fchownat, EINVAL, REFUSED },
	{ CALL_fchmod, EPERM, REFUSED },
	{ CALL_fchmodat, EIO, REFUSED },
	{ CALL_futimens, EPERM, REFUSED },
	{ CALL_utimensat, EIO, REFUSED },
	{ CALL_fsetxattr, EPERM, LOSES },
	{ CALL_fsetxattr, ENOTSUP, LOSES },
	{ CALL_fsetxattr, ENOSPC, REFUSED },
	{ CALL_lsetxattr, EPERM, LOSES },
	{ CALL_lsetxattr, ENOTSUP, LOSES },
	{ CALL_lsetxattr, EIO, REFUSED },
};

/* ---- the payload ---- */

static const struct made members[] = {
	MADE(DIRECTORY, "."),
	MADE(FILE, "hello", .size = 12),
	MADE(FILE, "empty"),
	MADE(FILE, "large", .size = CHUNK + 1000),
	MADE(SYMLINK, "link", .target = "usr/lib"),
	MADE(CHAR, "char"),
	MADE(BLOCK, "block"),
	MADE(FIFO, "fifo", .extra = MADE_ACL),

	/* attributes */
	MADE(FILE, "xattrs", .size = 100, .extra = MADE_XATTRS),
	MADE(FILE, "capable", .size = 3000, .extra = MADE_CAPABILITY),
	MADE(FILE, "acl", .size = 10, .extra = MADE_ACL),
	MADE(DIRECTORY, "inherit", .extra = MADE_DEFAULT_ACL),
	MADE(FILE, "inherit/not", .size = 20),
	MADE(FILE, "named", .size = 30, .extra = MADE_NAMED_ACL),
	MADE(FIFO, "named-fifo", .extra = MADE_NAMED_ACL),
	MADE(FILE, "etc/passwd", .extra = MADE_PASSWD),
	MADE(DIRECTORY, "etc", .extra = MADE_UNTOLD),
	MADE(FILE, "sparse", .extra = MADE_SPARSE),

	/* names */
	MADE(DIRECTORY, "d", .extra = MADE_UNTOLD),
	MADE(DIRECTORY, "d/e", .extra = MADE_UNTOLD),
	MADE(DIRECTORY, "d/e/e", .extra = MADE_UNTOLD),
	MADE(DIRECTORY, "d/e/e/p", .extra = MADE_UNTOLD),
	MADE(FILE, "d/e/e/p/file", .size = 40),
	MADE(SYMLINK, "d/e/e/p/up", .target = "../../../../usr/./lib"),
	MADE(DIRECTORY, "usr", .extra = MADE_UNTOLD),
	MADE(DIRECTORY, "usr/lib"),
	MADE(FILE, "link/one", .size = 50, .then = "usr/lib/one"),
	MADE(FILE, "d/e/e/p/up/two", .size = 60, .then = "usr/lib/two"),
	MADE(SYMLINK, "absolute", .target = "/usr"),
	MADE(FILE, "absolute/lib/three", .size = 70, .then = "usr/lib/three"),

	/* the same twice */
	MADE(FILE, "original", .size = 80, .then = "hard-link other"),
	MADE(HARDLINK, "hard-link", .target = "original"),
	MADE(HARDLINK, "other", .target = "original"),
	MADE(HARDLINK, "other", .target = "hard-link"),
	MADE(FILE, "original", .size = 100000),
	MADE(FILE, "twice", .size = 90000, .then = MADE_GONE),
	MADE(FILE, "twice", .size = 90),
	MADE(FILE, "named-twice", .size = 5, .extra = MADE_NAMED_ACL, .then = MADE_GONE),
	MADE(FILE, "named-twice", .size = 7),
	MADE(DIRECTORY, "usr/lib/dir", .then = MADE_GONE),
	MADE(SYMLINK, "usr/lib/dir", .target = "hello", .then = MADE_GONE),
	MADE(DIRECTORY, "usr/lib/dir", .then = MADE_GONE),
	MADE(DIRECTORY, "usr/lib/dir"),
	MADE(FILE, "usr/lib/dir/file", .size = 95),
};

static struct bytes payload, zstd_payload;
static char *want, *want_without_xattrs;

/* The frames alike: one that is larger than a chunk and its neighbour, which does not say its size, take a window. */
static void make_zstd_payload(const struct bytes *tar)
{
	static const struct zstd_recipe recipes[] = {
		{ .level = 1 }, { .level = 3 }, { .level = 1, .no_size = true }, { .level = 19 }
	};
	static const size_t sizes[] = { 60000, CHUNK + 40000, 90000 };
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); at += sizes[i++])
		add_zstd_frame(&zstd_payload, &recipes[i], tar->data + at, sizes[i]);
	add_zstd_frame(&zstd_payload, &recipes[3], tar->data + at, tar->size - at);
}

/* Blocks smaller and larger than a chunk; members lie across the borders of both. */
static void make_payload(void)
{
	const struct xz_recipe recipe = { .n_blocks = 5,
					  .blocks = { 60000, CHUNK + 40000, 1000, 90000 },
					  .check = LZMA_CHECK_CRC64 };
	struct bytes tar = { 0 };

	make_tar(&tar, members, ARRAY_SIZE(members));
	add_stream(&payload, &recipe, tar.data, tar.size);
	make_zstd_payload(&tar);
	bytes_free(&tar);
	want = made_listing(members, ARRAY_SIZE(members), false);
	want_without_xattrs = made_listing(members, ARRAY_SIZE(members), true);
}

/* ---- one run ---- */

static const struct way {
	unsigned threads;
	uint64_t pool;
	bool is_zstd;
} ways[] = { { 1, 1, false },
	     { 4, 24 * CHUNK, false }, /* so many that some are given back */
	     { 0, 0, false },
	     { 1, 1, true },
	     { 4, 24 * CHUNK, true } };

#define PROBLEMS_SHOWN 8

/* Told by the child that runs, in shared memory. */
struct report {
	unsigned calls[ARRAY_SIZE(ways)][N_CALLS]; /* of the good runs */
	unsigned next; /* the case that runs, and then the one to go on with */
	unsigned run, failed, good, refused;
	unsigned n_problems;
	char problems[PROBLEMS_SHOWN][700];
};
static struct report *report;

static void problem(const char *text, ...) _printf_(1, 2);
static void problem(const char *text, ...)
{
	char *to = report->problems[report->n_problems % ARRAY_SIZE(report->problems)];
	size_t used, room = sizeof(report->problems[0]);
	va_list ap;

	if (report->n_problems++ >= ARRAY_SIZE(report->problems))
		return;
	used = (size_t)snprintf(to, room, "call %u%s: ", plan.first,
				plan.last > plan.first ? " and on" : "");
	va_start(ap, text);
	vsnprintf(to + used, room - used, text, ap);
	va_end(ap);
}

static void begin_counting(void)
{
	for (size_t i = 0; i < N_CALLS; i++)
		atomic_store(&n_calls[i], 0);
	atomic_store(&n_failed, 0);
	atomic_store(&attribute_needed, false);
	atomic_store(&held_blocks, 0);
	for (size_t i = 0; i < ARRAY_SIZE(held_maps); i++)
		atomic_store(&held_maps[i], NULL);
	atomic_store(&held_threads, 0);
	atomic_store(&counting, true);
}

static void check_nothing_left(int descriptors_before)
{
	int descriptors = count_descriptors() - descriptors_before;

	if (descriptors != 0)
		problem("%d descriptors are left open", descriptors);
	if (atomic_load(&held_threads) != 0)
		problem("%ld threads were not joined", atomic_load(&held_threads));
	for (size_t i = 0; i < ARRAY_SIZE(held_maps); i++)
		if (atomic_load(&held_maps[i]))
			problem("a map is left");
#ifndef __GLIBC__
	if (atomic_load(&held_blocks) != 0)
		problem("%ld blocks of memory are left", atomic_load(&held_blocks));
#endif
}

static void check_good(int root_fd, const struct unpack_result *result, uint64_t losses)
{
	char *have = listing_text(root_fd, &(struct listing_options){ .no_xattrs = losses > 0 });
	const char *difference;

	made_blot(have, members, ARRAY_SIZE(members));
	difference = listing_difference(have, losses > 0 ? want_without_xattrs : want);
	if (difference)
		problem("succeeds with a tree that differs: %s", difference);
	if (result->losses.count != losses || (losses > 0 && !*result->losses.first))
		problem("%llu losses are told, not %llu (%s)",
			(unsigned long long)result->losses.count, (unsigned long long)losses,
			result->losses.first);
	free(have);
}

static void check_refusal(const struct fail *f, int r, const struct unpack_result *result)
{
	static const struct unpack_result untouched;
	int error = plan.error == NOTHING ? ENOSPC : plan.error;

	if (f->error != -r || !*f->what || !*f->why)
		problem("%d is returned, %d told, what: \"%s\", why: \"%s\"", r, f->error, f->what,
			f->why);
	if (f->error != error)
		problem("not told as it is: %s: %s", f->what, f->why);
	if (memcmp(result, &untouched, sizeof(untouched)) != 0)
		problem("a result is given with a failure");
}

static bool must_go_on(enum outcome then, unsigned failed)
{
	return failed == 0 || then == GOES_ON ||
	       (then == LOSES && !atomic_load(&attribute_needed)) ||
	       (then == ENOUGH && plan.first > 1);
}

/* Runs the engine once as planned; counts and checks what comes of it. */
static void run(const struct way *way, enum outcome then)
{
	struct unpack_progress progress = { 0 };
	const struct engine_plan engine_plan = { .threads = way->threads,
						 .decoders = way->threads,
						 .pool = way->pool };
	struct unpack_options options = { .threads = way->threads,
					  .plan = way->pool ? &engine_plan : NULL,
					  .discard = true,
					  .progress = &progress };
	struct unpack_result result = { 0 };
	struct fail f = { 0 };
	struct payload p;
	int r, before;
	unsigned failed;

	alarm(60); /* more than the slowest build needs on a busy machine; ends this child */
	options.root_fd = scratch_dir("root");
	open_payload(way->is_zstd ? &zstd_payload : &payload, &p);
	before = count_descriptors();
	begin_counting();
	r = unpack_run(&p, &options, &result, &f);
	atomic_store(&counting, false);
	failed = atomic_load(&n_failed);

	check_nothing_left(before);
	if (r == 0)
		check_good(options.root_fd, &result, then == LOSES ? failed : 0);
	else
		check_refusal(&f, r, &result);
	if (r < 0 && must_go_on(then, failed))
		problem("is no reason to fail: %s: %s", f.what, f.why);
	if (r == 0 && !must_go_on(then, failed) && then != EITHER)
		problem("goes unnoticed");
	report->run++;
	report->failed += failed > 0;
	report->good += r == 0;
	report->refused += r < 0;
	payload_close(&p);
	close(options.root_fd);
	scratch_remove(scratch_base_fd, "root");
	alarm(0);
}

/* ---- many runs, in children ---- */

/* Which call fails in round i of n, when there are so many: all, or the first ones, the last ones and some
 * between. 0: none. */
static unsigned choose_call(unsigned i, unsigned n, unsigned calls)
{
	if (calls <= n)
		return i < calls ? i + 1 : 0;
	if (i < n / 3)
		return i + 1;
	if (i < n / 3 * 2)
		return calls - (i - n / 3);
	return n / 3 + (calls - n / 3 * 2) * (i - n / 3 * 2 + 1) / (n - n / 3 * 2 + 1);
}

static unsigned rounds(const struct fault *fault)
{
	bool memory = fault->error == ENOMEM && fault->then == EITHER;

	if (getenv("TARBOOT_TEST_ALL"))
		return 100000;
	return memory ? SANITIZED ? 10 : 60 : SANITIZED ? 3 : 16;
}

struct planned {
	const struct way *way;
	unsigned first, last;
};

static struct planned *cases; /* of one fault */
static size_t n_cases;

static void add_case(const struct way *way, unsigned first, unsigned last)
{
	cases = listing_check(realloc(cases, (n_cases + 1) * sizeof(*cases)));
	cases[n_cases++] = (struct planned){ way, first, last };
}

/* What names and files take is the same with any codec. */
static bool is_of_codec(enum call call)
{
	return call == CALL_malloc || call == CALL_calloc || call == CALL_realloc ||
	       call == CALL_mmap || call == CALL_pread || call == CALL_pthread_create;
}

static void plan_cases(const struct fault *fault)
{
	unsigned n = rounds(fault), calls, first;

	n_cases = 0;
	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		calls = report->calls[w][fault->call];
		if (ways[w].threads == 0 && fault->call != CALL_sched_getaffinity)
			continue;
		if (ways[w].is_zstd && !is_of_codec(fault->call))
			continue;
		for (unsigned i = 0; i < n && (first = choose_call(i, n, calls)) > 0; i++) {
			add_case(&ways[w], first, first);
			add_case(&ways[w], first, fault->error == EINTR ? first + 20 : UINT_MAX);
		}
	}
}

/* In a child: the cases from report->next on. */
_Noreturn static void run_cases(const struct fault *fault)
{
	for (; report->next < n_cases; report->next++) {
		const struct planned *c = &cases[report->next];

		plan.call = fault->call;
		plan.error = fault->error;
		plan.first = c->first;
		plan.last = c->last;
		run(c->way, fault->then);
	}
	exit(EXIT_SUCCESS); /* where ASan looks for leaks, and TSan tells what it found */
}

/* In a child: counts the calls when all is well. */
_Noreturn static void run_good(void)
{
	plan.call = N_CALLS;
	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		run(&ways[w], GOES_ON);
		for (size_t i = 0; i < N_CALLS; i++)
			report->calls[w][i] = atomic_load(&n_calls[i]);
	}
	exit(EXIT_SUCCESS);
}

/* Runs a child to its end; another goes on with the next case when a case ends it. */
static void run_children(const struct fault *fault)
{
	int status;
	pid_t pid;

	do {
		fflush(stdout);
		pid = must(fork());
		if (pid == 0 && fault)
			run_cases(fault);
		else if (pid == 0)
			run_good();
		must(waitpid(pid, &status, 0));
		scratch_remove(scratch_base_fd, "root");
		if (status != 0) {
			plan.first = fault && report->next < n_cases ? cases[report->next].first
								     : 0;
			problem("the process ends with %s %d",
				WIFSIGNALED(status) ? "signal" : "status",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		}
		report->next++;
	} while (fault && report->next < n_cases);
}

static void tell(const char *what)
{
	ok(report->n_problems == 0 && report->run > 0,
	   "%s: %u runs, %u with a failing call: %u good, %u refused", what, report->run,
	   report->failed, report->good, report->refused);
	for (size_t i = 0; i < report->n_problems && i < ARRAY_SIZE(report->problems); i++)
		diag("  %s", report->problems[i]);
	if (report->n_problems > ARRAY_SIZE(report->problems))
		diag("  and %zu more", report->n_problems - ARRAY_SIZE(report->problems));
}

static void reset_report(void)
{
	size_t counts = sizeof(report->calls);

	memset((char *)report + counts, 0, sizeof(*report) - counts);
}

static const char *error_name(int error)
{
	return error == SHORT ? "half done" : error == NOTHING ? "nothing done" : strerror(error);
}

static void test_fault(const struct fault *fault)
{
	char what[100];

	reset_report();
	plan_cases(fault);
	snprintf(what, sizeof(what), "%s: %s", call_names[fault->call], error_name(fault->error));
	if (n_cases == 0) {
		ok(false, "%s: the engine does not call it: it need not stand in the table", what);
		return;
	}
	run_children(fault);
	tell(what);
}

int main(int argc, char **argv)
{
	if (geteuid() != 0) {
		skip(1, "not root: owners, devices and capabilities must be real");
		return done_testing();
	}
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (report == MAP_FAILED)
		scratch_die("mmap");
	scratch_in_memory();
	close(scratch_dir("first")); /* the scratch directory is the parent's */
	make_payload();
	run_children(NULL);
	if (report->good != ARRAY_SIZE(ways))
		problem("not every good run is good");
	tell("no fault");
	for (size_t i = 0; i < N_CALLS; i++)
		if (report->calls[0][i] + report->calls[1][i] > 0)
			diag("%s: %u calls, %u with 4 threads", call_names[i], report->calls[0][i],
			     report->calls[1][i]);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (argc < 2 || strcmp(argv[1], call_names[faults[i].call]) == 0)
			test_fault(&faults[i]);
	bytes_free(&payload);
	bytes_free(&zstd_payload);
	free(want);
	free(want_without_xattrs);
	free(cases);
	return done_testing();
}
