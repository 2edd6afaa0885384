/*
 * A payload that is still arriving. A thread writes it into a sparse file, in pieces of random sizes and with no more room than the
 * engine's plan asks for; the engine unpacks it meanwhile: the tree is that of the whole file, the window is never exceeded, what
 * is decoded takes no memory any more. Blocks that come wrong, a receiver that fails or dies, a reader that fails: each ends
 * with its own words, and nobody waits for ever.
 *
 * TARBOOT_TEST_SEED repeats a run, as far as threads can be repeated; TARBOOT_TEST_ALL=1 runs longer.
 */
#include "codec/arrival.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "engine/unpack.h"
#include "image/payload_digests.h"
#include "image/pinned.h"
#include "deadline.h"
#include "make_tar.h"
#include "make_zstd.h"
#include "random.h"
#include "tap.h"
#include "wrap.h"

#define PIECE_MAX 70000
#define PAGES_BESIDE \
	64 /* on the borders of Blocks: between a punch and what is told of it others may come */
#define NEVER UINT64_MAX

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* As payload.c reads the file of one. */
static ssize_t read_fd(const void *fd, uint64_t offset, void *buf, size_t size)
{
	return pread(*(const int *)fd, buf, size, (off_t)offset);
}

/* ---- delays ---- */

static _Atomic unsigned writes_left; /* of the engine's, before one finds no room; 0: all find it */
static _Thread_local bool is_receiver;

static void delay(void)
{
	uint32_t r = next_random();

	if (r % 32 == 0)
		usleep((r >> 8) % 300);
	else if (r % 4 == 1)
		sched_yield();
}

WRAP(ssize_t, LARGE(pread), (int fd, void *buf, size_t size, off_t offset))
{
	delay();
	return REAL(LARGE(pread))(fd, buf, size, offset);
}

WRAP(ssize_t, LARGE(pwrite), (int fd, const void *buf, size_t size, off_t offset))
{
	delay();
	if (!is_receiver && atomic_load(&writes_left) > 0 &&
	    atomic_fetch_sub(&writes_left, 1) == 1) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(LARGE(pwrite))(fd, buf, size, offset);
}

/* ---- what arrives ---- */

#define N_FILES 60

static struct made members[N_FILES + 1];
static struct bytes tar;
static char *want;

/* Bytes that do not compress: Blocks have to be as large as what is in them. */
static void make_archive(void)
{
	static char names[N_FILES][32];

	members[0] = (struct made)MADE(DIRECTORY, ".");
	for (size_t i = 0; i < N_FILES; i++) {
		snprintf(names[i], sizeof(names[i]), "file-%zu", i);
		members[i + 1] = (struct made)MADE(FILE, names[i], .extra = MADE_NOISE,
						   .size = i == 20 ? 400000 : i * i * 97 % 30000);
	}
	make_tar(&tar, members, ARRAY_SIZE(members));
	want = made_listing(members, ARRAY_SIZE(members), false);
}

/* In each of these, every file of the archive. */
static const struct kind {
	const char *name, *file;
	struct xz_recipe recipe;
	unsigned streams; /* of xz; 0: it is another codec's */
	struct zstd_recipe zstd;
	unsigned skipped; /* frames of 60000 bytes before all others: more than the window has */
	size_t piece;     /* of a stored archive */
} kinds[] = {
	{ "xz, many Blocks",
	  "a.tar.xz",
	  { .every = 30000, .stored = true, .check = LZMA_CHECK_CRC64 },
	  1,
	  {},
	  0,
	  0 },
	{ "xz, Blocks that are compressed",
	  "a.tar.xz",
	  { .every = 100000, .check = LZMA_CHECK_SHA256 },
	  1,
	  {},
	  0,
	  0 },
	{ "xz, Blocks of very different sizes",
	  "a.tar.xz",
	  { .blocks = { 1, 300000, 512, 7, 200000, 100, 4096, 65536, 1, 1000 },
	    .n_blocks = 10,
	    .stored = true,
	    .check = LZMA_CHECK_CRC32 },
	  1,
	  {},
	  0,
	  0 },
	{ "xz, one Block",
	  "a.tar.xz",
	  { .n_blocks = 1, .stored = true, .check = LZMA_CHECK_CRC64 },
	  1,
	  {},
	  0,
	  0 },
	{ "xz, several streams, without checks",
	  "a.tar.xz",
	  { .every = 50000, .stored = true, .padding = 64, .check = LZMA_CHECK_NONE },
	  4,
	  {},
	  0,
	  0 },
	{ "zstd, many frames",
	  "a.tar.zst",
	  {},
	  0,
	  { .level = 1, .every = 30000, .empty = true },
	  0,
	  0 },
	{ "zstd, one frame", "a.tar.zst", {}, 0, { .level = 1 }, 0, 0 },
	{ "zstd, much between frames",
	  "a.tar.zst",
	  {},
	  0,
	  { .level = 1, .every = 20000, .skippable = 60000, .table = true },
	  4,
	  0 },
	{ "a plain tar", "a.tar", {}, 0, {}, 0, 40000 },
	{ "xz, headers without sizes",
	  "a.tar.xz",
	  { .every = 100000, .no_sizes = true, .check = LZMA_CHECK_SHA256 },
	  2,
	  {},
	  0,
	  0 },
	{ "zstd, headers without sizes",
	  "a.tar.zst",
	  {},
	  0,
	  { .level = 1, .every = 30000, .no_size = true },
	  0,
	  0 },
};

/* A file, and what its manifest says. */
struct made_payload {
	struct bytes bytes;
	struct manifest manifest; /* owned */
	struct block_list blocks; /* the known one; owned */
	const char *file;
};

static void fail_here(const struct fail *f)
{
	printf("Bail out! %s: %s\n", f->what, f->why);
	exit(EXIT_FAILURE);
}

/* Pieces of a plain tar are as large as a manifest says. */
static void add_pieces(const struct bytes *b, size_t piece, struct block_list *l)
{
	l->codec = &codec_stored;
	for (size_t at = 0; at < b->size; at += piece) {
		uint64_t size = min_u64(piece, b->size - at);

		must(block_list_add(
			l, &(struct block){ .offset = at, .total = size, .uncompressed = size }));
	}
}

/* As pack does it: the file is listed, its manifest written and read. */
static void describe(struct made_payload *m, size_t piece)
{
	struct block_list whole = { 0 };
	struct manifest said = { 0 };
	struct payload p;
	struct fail f;
	char *text;
	int n;

	open_payload(&m->bytes, &p);
	if (piece)
		add_pieces(&m->bytes, piece, &whole);
	else if (block_list_read(&p, &whole, &f) < 0)
		fail_here(&f);
	if (payload_digests_read(&p, &whole, &said, &f) < 0)
		fail_here(&f);
	n = must(manifest_format(&said, &text));
	must(manifest_parse(text, (size_t)n, &m->manifest));
	if (pinned_list_blocks(&m->manifest, m->file, &m->blocks, &f) < 0)
		fail_here(&f);
	free(text);
	manifest_free(&said);
	block_list_free(&whole);
	payload_close(&p);
}

static void build(struct made_payload *m, const struct kind *k, const struct bytes *archive)
{
	size_t at = 0, size;

	*m = (struct made_payload){ .file = k->file };
	if (k->piece)
		bytes_add(&m->bytes, archive->data, archive->size);
	else if (k->streams == 0)
		add_zstd(&m->bytes, &k->zstd, archive->data, archive->size);
	for (unsigned i = 0; i < k->skipped;
	     i++) { /* the seek table at the end knows frames, not these */
		struct bytes all = { 0 };

		add_zstd_skippable(&all, 60000);
		bytes_add(&all, m->bytes.data, m->bytes.size);
		bytes_free(&m->bytes);
		m->bytes = all;
	}
	for (unsigned left = k->streams; left > 0; left--, at += size) {
		size = (archive->size - at) / left;
		add_stream(&m->bytes, &k->recipe, archive->data + at, size);
	}
	describe(m, k->piece);
}

static void drop(struct made_payload *m)
{
	manifest_free(&m->manifest);
	block_list_free(&m->blocks);
	bytes_free(&m->bytes);
}

/* ---- the receiver: a thread that writes ---- */

struct receiver {
	const struct made_payload *from;
	struct arrival *a;
	int fd;
	uint64_t fails_at, vanishes_at; /* bytes; NEVER */
	size_t wrong[3];                /* Blocks that come wrong; n_blocks: none */
	unsigned wrong_times;           /* each of them */

	/* its own */
	unsigned times[3];
	const char *broken; /* what must not be; NULL */
	uint64_t most;      /* bytes of memory that the file took */
};

static const struct fail receiver_fail = { .error = EREMOTEIO,
					   .what = "http://server/a.tar.xz",
					   .why = "the server is on fire",
					   .todo = "Call the fire brigade." };

/* Writes what is kept of [at, at + size), damaged where that is to be. */
static void write_piece(struct receiver *r, uint64_t at, uint64_t size)
{
	static _Thread_local uint8_t buf[PIECE_MAX];
	const struct arrival_block *b;
	uint64_t end, n;

	for (; size > 0; at += n, size -= n) {
		bool is_kept = arrival_is_kept(r->a, at, &end);

		n = min_u64(min_u64(size, end - at), PIECE_MAX);
		if (!is_kept)
			continue;
		memcpy(buf, r->from->bytes.data + at, n);
		for (size_t i = 0; i < ARRAY_SIZE(r->wrong); i++) {
			b = r->wrong[i] < r->a->n_blocks ? &r->a->blocks[r->wrong[i]] : NULL;
			if (b && at <= b->offset && b->offset < at + n &&
			    r->times[i] < r->wrong_times) {
				buf[b->offset - at] = r->from->bytes.data[b->offset] ^ 0x10;
				r->times[i]++;
			}
		}
		if (pwrite(r->fd, buf, n, (off_t)at) != (ssize_t)n)
			r->broken = "cannot write";
	}
}

static void look(struct receiver *r)
{
	uint64_t given_back = atomic_load(&r->a->given_back),
		 page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t arrived = atomic_load(&r->a->arrived), memory;
	struct stat st;

	if (arrived > given_back && arrived - given_back > r->a->window)
		r->broken = "more has come than the window has";
	must(fstat(r->fd, &st));
	memory = (uint64_t)st.st_blocks * 512;
	if (memory > r->most)
		r->most = memory;
	if (memory > r->a->window + PAGES_BESIDE * page)
		r->broken = "the file takes more than the window";
}

/* Bytes near the borders of Blocks come one by one. */
static uint64_t next_size(const struct receiver *r, uint64_t at, uint64_t room)
{
	uint64_t end, most = 1 + next_random() % (next_random() % 8 ? 5000 : PIECE_MAX);

	(void)arrival_is_kept(r->a, at, &end);
	if (end > at + 3)
		most = min_u64(most, end - at - 3);
	else
		most = 1;
	return min_u64(most, room);
}

/* False: it has ended. */
static bool receive_some(struct receiver *r)
{
	uint32_t changes = arrival_changes(r->a);
	uint64_t at = atomic_load(&r->a->arrived), room, n;
	size_t wrong = arrival_find_wrong(r->a);

	if (arrival_state(r->a) != ARRIVAL_GOES_ON || at >= r->vanishes_at)
		return false;
	if (at >= r->fails_at || (wrong < r->a->n_blocks && ++r->a->blocks[wrong].again > 3)) {
		arrival_fail(r->a, &receiver_fail);
		return false;
	}
	if (wrong < r->a->n_blocks) {
		write_piece(r, r->a->blocks[wrong].offset, r->a->blocks[wrong].total);
		arrival_put_again(r->a, wrong, 0);
		return true;
	}
	room = arrival_room(r->a);
	if (at == r->a->size && arrival_all_right(r->a)) {
		arrival_complete(r->a);
		return false;
	}
	if (room == 0) {
		arrival_wait_change(r->a, changes, 600000);
		return true;
	}
	n = next_size(r, at, room);
	write_piece(r, at, n);
	arrival_add(r->a, n, 0);
	look(r);
	return true;
}

static void *receive(void *arg)
{
	struct receiver *r = arg;

	is_receiver = true;
	while (receive_some(r))
		delay();
	return NULL;
}

/* ---- a run ---- */

struct run {
	unsigned decoders;
	uint64_t pool;        /* 0: as planned */
	uint64_t more_window; /* than the least */
	bool checks_only;     /* writes no tree */
	bool keeps_pages;
	uint64_t stops_at;     /* bytes of the archive after which the reader gives up; NEVER */
	uint64_t cancelled_at; /* bytes that have arrived when a third one cancels; NEVER */
	struct receiver receiver;

	/* what came of it */
	struct fail fail;
	int error;
	const char *broken;
	uint64_t left; /* bytes of memory that the file still takes */
	enum arrival_state state;
	uint64_t wrong;
	pthread_t receiver_thread;
};

static const struct run plain_run = {
	.decoders = 2,
	.stops_at = NEVER,
	.cancelled_at = NEVER,
	.receiver = { .fails_at = NEVER,
		      .vanishes_at = NEVER,
		      .wrong = { SIZE_MAX, SIZE_MAX, SIZE_MAX } },
};

static int may_go_on(void *arg, uint64_t bytes, uint64_t unwritten, uint64_t *ret_next,
		     struct fail *f)
{
	const struct run *run = arg;

	(void)unwritten;
	*ret_next = run->stops_at;
	return bytes < run->stops_at
		       ? 0
		       : fail_set(f, ENOMEM, "the new root", "Add memory.", "it is full");
}

/* As PID 1 does when it sees that the receiver has died. */
static void *cancel(void *arg)
{
	struct run *run = arg;
	struct arrival *a = run->receiver.a;

	while (arrival_state(a) == ARRIVAL_GOES_ON && atomic_load(&a->arrived) < run->cancelled_at)
		usleep(1000);
	if (run->receiver.vanishes_at != NEVER)
		pthread_join(run->receiver_thread, NULL);
	arrival_cancel(a);
	return NULL;
}

static void unpack(const struct made_payload *m, struct run *run, int root_fd)
{
	struct engine_plan plan;
	struct unpack_options options = { .root_fd = root_fd,
					  .blocks = &m->blocks,
					  .plan = &plan,
					  .discard = !run->keeps_pages,
					  .may_go_on = run->stops_at == NEVER ? NULL : may_go_on,
					  .may_go_on_arg = run };
	struct unpack_result result;
	struct payload p = { .name = "the payload", .arrival = run->receiver.a };

	engine_plan(&m->blocks, run->decoders + 1, PLAN_NO_LIMIT, &plan);
	plan.threads = run->decoders + 1;
	plan.decoders = run->decoders;
	if (run->pool && !plan.whole)
		plan.pool = run->pool;
	must(payload_add(&p, must(fcntl(run->receiver.fd, F_DUPFD_CLOEXEC, 0)), 0, m->bytes.size));
	run->error = unpack_run(&p, &options, &result, &run->fail);
	payload_close(&p);
}

static void note(struct run *run, const char *what)
{
	if (!run->broken)
		run->broken = what;
}

static void run_with(const struct made_payload *m, struct run *run, int root_fd)
{
	struct receiver *r = &run->receiver;
	bool is_cancelled = run->cancelled_at != NEVER;
	pthread_t third;
	struct stat st;

	r->from = m;
	r->fd = must(memfd_create("arriving", MFD_CLOEXEC));
	must(ftruncate(r->fd, (off_t)m->bytes.size));
	r->a = pinned_arrival(&m->manifest,
			      block_list_least_window(&m->blocks, m->bytes.size, run->decoders) +
				      run->more_window);
	if (!r->a)
		scratch_die("arrival");
	alarm(120);
	must(-pthread_create(&run->receiver_thread, NULL, receive, r));
	if (is_cancelled)
		must(-pthread_create(&third, NULL, cancel, run));
	unpack(m, run, root_fd);
	if (is_cancelled)
		pthread_join(third, NULL);
	if (!is_cancelled || r->vanishes_at == NEVER)
		pthread_join(run->receiver_thread, NULL);
	alarm(0);
	run->state = arrival_state(r->a);
	run->wrong = atomic_load(&r->a->wrong);
	must(fstat(r->fd, &st));
	run->left = (uint64_t)st.st_blocks * 512;
	close(r->fd);
	arrival_free(r->a);
	r->a = NULL;
	if (!run->keeps_pages && r->broken)
		note(run, r->broken);
}

/* The tree must be right where nothing fails. */
static void run_once(const struct made_payload *m, struct run *run)
{
	int root_fd = run->checks_only ? -1 : scratch_dir("root"), before = count_descriptors();
	const char *difference;
	char *have;

	run_with(m, run, root_fd);
	if (count_descriptors() != before)
		note(run, "descriptors are left");
	if (run->error == 0 && !run->checks_only) {
		have = listing_text(root_fd, &(struct listing_options){ 0 });
		difference = listing_difference(have, want);
		if (difference)
			note(run, difference);
		free(have);
	}
	if (run->error == 0 && run->left > 0 && !run->keeps_pages)
		note(run, "pages are left");
	if (run->error == 0 && run->state != ARRIVAL_COMPLETE)
		note(run, "success, but it has not arrived");
	if (run->error < 0 && run->state == ARRIVAL_GOES_ON)
		note(run, "a failure, but nobody who waits was told");
	if (root_fd >= 0) {
		close(root_fd);
		scratch_remove(scratch_base_fd, "root");
	}
}

/* One run that must end well. */
static void expect_tree(const struct made_payload *m, struct run *run, const char *name)
{
	snprintf(case_name, sizeof(case_name), "%s", name);
	run_once(m, run);
	if (!ok(run->error == 0 && !run->broken, "%s", name))
		diag("  %s", run->broken ? run->broken : run->fail.why);
}

/* One run that must end so; where in the archive that was, is not the same each time. */
static void expect_failure(const struct made_payload *m, struct run *run, const struct fail *f,
			   const char *name)
{
	char *where;

	snprintf(case_name, sizeof(case_name), "%s", name);
	run_once(m, run);
	where = strstr(run->fail.why, " (last member ");
	if (where && f != &receiver_fail)
		*where = '\0';
	is_int(run->error, -f->error, "%s: it fails", name);
	is_str(run->fail.what, f->what, "%s: what", name);
	is_str(run->fail.why, f->why, "%s: why", name);
	is_str(run->fail.todo, f->todo, "%s: what to do", name);
	is_str(run->broken, NULL, "%s: nothing else is wrong", name);
}

/* ---- cases ---- */

static void test_trees(const struct made_payload payloads[])
{
	static const unsigned decoders[] = { 1, 2, 4, 8 };
	char name[150];

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t d = 0; d < ARRAY_SIZE(decoders); d++) {
			struct run run = plain_run;

			run.decoders = decoders[d];
			run.pool = d % 2;
			snprintf(name, sizeof(name), "%s, %u decoders: the tree of the whole file",
				 kinds[k].name, decoders[d]);
			expect_tree(&payloads[k], &run, name);
			if (kinds[k].piece && d == 0)
				ok(run.receiver.most < tar.size / 2,
				   "%s: not all of it was here at once", kinds[k].name);
		}
}

/* Pages that are not given back: a file that is kept arrives as well. */
static void test_kept(const struct made_payload *m)
{
	struct run run = plain_run;

	run.keeps_pages = true;
	expect_tree(m, &run, "pages that are kept hold nothing up");
	ok(run.left >= tar.size, "all of them are there");
}

static void test_wrong(const struct made_payload payloads[])
{
	char name[150];

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		size_t n = payloads[k].manifest.n_blocks;
		struct run run = plain_run;

		run.receiver.wrong[0] = 0;
		run.receiver.wrong[1] = n / 2 ? n / 2 : SIZE_MAX;
		run.receiver.wrong[2] = n > 2 ? n - 1 : SIZE_MAX;
		run.receiver.wrong_times = 2;
		snprintf(name, sizeof(name), "%s: Blocks that came wrong twice", kinds[k].name);
		expect_tree(&payloads[k], &run, name);
		is_int((long long)run.wrong,
		       n > 2   ? 6
		       : n > 1 ? 4
			       : 2,
		       "%s: each was noticed", kinds[k].name);
		run = plain_run;
		run.receiver.wrong[0] = n / 2;
		run.receiver.wrong_times = 1000;
		snprintf(name, sizeof(name), "%s: a Block that is always wrong", kinds[k].name);
		expect_failure(&payloads[k], &run, &receiver_fail, name);
	}
}

/* A payload that is here from the start, of which a byte may be another. */
static void unpack_here(const struct made_payload *m, struct run *run, size_t flipped, int root_fd)
{
	struct receiver *r = &run->receiver;
	struct payload p = { .name = "the payload" };
	char byte = (char)(m->bytes.data[flipped < m->bytes.size ? flipped : 0] ^ 4);

	r->fd = must(memfd_create("here", MFD_CLOEXEC));
	must((int)pwrite(r->fd, m->bytes.data, m->bytes.size, 0));
	if (flipped < m->bytes.size)
		must((int)pwrite(r->fd, &byte, 1, (off_t)flipped));
	must(payload_add(&p, must(fcntl(r->fd, F_DUPFD_CLOEXEC, 0)), 0, m->bytes.size));
	run->error = pinned_hold(&m->manifest, &p, &m->blocks, &r->a, &run->fail);
	alarm(120);
	if (run->error == 0)
		unpack(m, run, root_fd);
	alarm(0);
	arrival_free(r->a);
	r->a = NULL;
	payload_close(&p);
	close(r->fd);
}

static void test_here(const struct made_payload payloads[])
{
	static const unsigned decoders[] = { 1, 3, 8 };

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t d = 0; d < ARRAY_SIZE(decoders); d++) {
			const struct made_payload *m = &payloads[k];
			const struct manifest_block *last =
				&m->manifest.blocks[m->manifest.n_blocks - 1];
			struct run run = plain_run;
			int root_fd = scratch_dir("root");
			char *have;

			snprintf(case_name, sizeof(case_name), "%s, here, %u decoders",
				 kinds[k].name, decoders[d]);
			run.decoders = decoders[d];
			unpack_here(m, &run, SIZE_MAX, root_fd);
			have = listing_text(root_fd, &(struct listing_options){ 0 });
			ok(run.error == 0 && !listing_difference(have, want), "%s: the tree",
			   case_name);
			free(have);
			close(root_fd);
			scratch_remove(scratch_base_fd, "root");
			run.decoders = decoders[d];
			unpack_here(m, &run, (size_t)(last->offset + last->bytes / 2), -1);
			is_int(run.error, -EBADMSG, "%s: one byte of the last Block is another",
			       case_name);
			ok(strstr(run.fail.why, "is damaged, or was changed") != NULL,
			   "%s: which is said", case_name);
		}
}

static void test_receiver_ends(const struct made_payload *m)
{
	static const struct fail cancelled = {
		.error = ECANCELED,
		.what = "the payload",
		.why = "cannot read it: Operation canceled",
	};
	struct run run = plain_run;

	run.receiver.fails_at = m->bytes.size / 2;
	expect_failure(m, &run, &receiver_fail, "a receiver that fails in the midst");
	run = plain_run;
	run.receiver.fails_at = 0;
	expect_failure(m, &run, &receiver_fail, "a receiver that fails at once");
	run = plain_run;
	run.receiver.fails_at = m->bytes.size;
	expect_failure(m, &run, &receiver_fail, "a receiver that fails when all has come");
	run = plain_run;
	run.receiver.vanishes_at = run.cancelled_at = 1;
	expect_failure(m, &run, &cancelled, "a receiver that is gone, and a third one cancels");
	run = plain_run;
	run.cancelled_at = 1;
	expect_failure(m, &run, &cancelled, "it is cancelled, and the receiver ends, too");
}

/* The reader fails: the receiver ends. */
static void test_reader_ends(const struct made_payload *m)
{
	struct made_payload damaged;
	struct bytes archive = { 0 };
	struct run run = plain_run;

	run.stops_at = tar.size / 2;
	snprintf(case_name, sizeof(case_name), "a reader that gives up");
	run_once(m, &run);
	ok(run.error == -ENOMEM &&
		   strncmp(run.fail.why, "it is full (last member file-", 29) == 0 &&
		   run.state == ARRIVAL_CANCELLED && !run.broken,
	   "a reader that gives up");

	run = plain_run;
	atomic_store(&writes_left, 15);
	snprintf(case_name, sizeof(case_name), "a member that cannot be written");
	run_once(m, &run);
	atomic_store(&writes_left, 0);
	ok(run.error == -ENOSPC && run.state == ARRIVAL_CANCELLED && !run.broken,
	   "a member that cannot be written");

	bytes_add(&archive, tar.data, tar.size);
	memset(archive.data + archive.size / 2 / 512 * 512, 0xff, 1 << 15);
	build(&damaged, &kinds[0], &archive);
	run = plain_run;
	snprintf(case_name, sizeof(case_name), "a damaged tar");
	run_once(&damaged, &run);
	ok(run.error == -EBADMSG && run.state == ARRIVAL_CANCELLED && !run.broken, "a damaged tar");
	drop(&damaged);
	bytes_free(&archive);
}

/* A pipeline that cannot start: the receiver ends all the same. */
static void test_no_start(const struct made_payload *m)
{
	struct arrival *a = pinned_arrival(&m->manifest,
					   block_list_least_window(&m->blocks, m->bytes.size, 1));
	struct payload p = { .name = "the payload", .arrival = a };
	const struct engine_plan plan = { .threads = 1, .decoders = 1, .pool = 1ULL << 60 };
	const struct unpack_options options = { .root_fd = -1,
						.blocks = &m->blocks,
						.plan = &plan };
	struct unpack_result result;
	struct fail f;

	must(payload_add(&p, data_file("", 0), 0, m->bytes.size));
	is_int(unpack_run(&p, &options, &result, &f), -ENOMEM, "an engine that cannot start");
	is_int(arrival_state(a), ARRIVAL_CANCELLED, "who waits was told");
	payload_close(&p);
	arrival_free(a);
}

/* The manifest has the first Block of k, which is at byte 12, some bytes shorter than it is. */
static void expect_shorter(const struct kind *k, int shorter)
{
	static const struct fail damaged = {
		.error = EBADMSG,
		.what = "the payload",
		.why = "Block 1 (byte 12) is damaged",
		.todo = CODEC_TODO_COPY,
	};
	struct made_payload m;
	struct run run = plain_run;
	char name[100];

	build(&m, k, &tar);
	m.manifest.blocks[0].bytes -= (uint64_t)shorter;
	m.blocks.blocks[0].total -= (uint64_t)shorter;
	m.manifest.blocks[0].digest = digest_of(m.bytes.data + 12, m.manifest.blocks[0].bytes);
	snprintf(name, sizeof(name), "%s, %d bytes shorter than it is", k->name, shorter);
	expect_failure(&m, &run, &damaged, name);
	drop(&m);
}

/* Digests are right, and what they are about is not. */
static void test_wrong_manifests(void)
{
	static const struct kind without = {
		"a Block whose header has no sizes",
		"a.tar.xz",
		{ .n_blocks = 1, .stored = true, .no_sizes = true, .check = LZMA_CHECK_CRC64 },
		1,
		{},
		0,
		0
	};
	static const int shorter[] = { 1, 4, 12, -4, -24 };
	static const int no_check[] = { 1, 12, -4, -8 }; /* that a Block could have behind it */

	for (size_t i = 0; i < ARRAY_SIZE(shorter); i++)
		expect_shorter(&kinds[3], shorter[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no_check); i++)
		expect_shorter(&without, no_check[i]);
}

/* The struct itself: one thread that is both sides. */
static void test_struct(void)
{
	struct manifest m = { .payload_bytes = 100, .has_outside_digest = true };
	struct manifest_block b[] = { { .offset = 10, .bytes = 30 },
				      { .offset = 40, .bytes = 20 },
				      { .offset = 70, .bytes = 20 } };
	uint8_t data[100];
	struct arrival *a;
	uint64_t end;
	size_t size;
	int fd;

	memset(data, 'x', sizeof(data));
	fd = data_file(data, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
		b[i].digest = digest_of(data, b[i].bytes);
		must(manifest_add_block(&m, &b[i]));
	}
	a = pinned_arrival(&m, 40);
	if (!a)
		scratch_die("arrival");
	is_int((long long)arrival_room(a), 40, "room for a window");
	arrival_give_back(a, 10);
	is_int((long long)arrival_room(a), 50, "and for what was given back");
	ok(!arrival_is_kept(a, 0, &end) && end == 10, "before the first Block nothing is kept");
	ok(arrival_is_kept(a, 10, &end) && end == 40, "the first byte of a Block is kept");
	ok(arrival_is_kept(a, 39, &end) && end == 40, "so is its last");
	ok(arrival_is_kept(a, 40, &end) && end == 60, "and the next Block's");
	ok(!arrival_is_kept(a, 60, &end) && end == 70, "between Blocks nothing is kept");
	ok(!arrival_is_kept(a, 90, &end) && end > 100, "nor behind the last one");
	is_int(arrival_wait(a, read_fd, &fd, 5, 1, &size), -ENODATA,
	       "bytes outside cannot be read");
	is_int(arrival_wait(a, read_fd, &fd, 95, 1, &size), -ENODATA, "nor those at the end");
	arrival_add(a, 40, 7);
	ok(atomic_load(&a->blocks[0].check) == ARRIVAL_HERE && a->blocks[0].url == 7 &&
		   atomic_load(&a->blocks[1].check) == ARRIVAL_ABSENT,
	   "a Block is here with its last byte");
	is_int((long long)arrival_room(a), 10, "room up to the window");
	ok(arrival_wait(a, read_fd, &fd, 10, 100, &size) == 0 && size == 30,
	   "all of a Block may be read");
	ok(arrival_wait(a, read_fd, &fd, 39, 100, &size) == 0 && size == 1, "and its last byte");
	arrival_give_back(a, 40);
	arrival_give_back(a, 30);
	is_int((long long)arrival_room(a), 40, "what was given back stays so");
	arrival_add(a, 60, 7);
	ok(arrival_wait(a, read_fd, &fd, 50, 4, &size) == 0 && size == 4,
	   "no more than was asked for");
	ok(!arrival_all_right(a), "a Block was not read, so not checked");
	arrival_cancel(a);
	ok(arrival_wait(a, read_fd, &fd, 70, 4, &size) == 0, "what is here can be read even then");
	ok(arrival_all_right(a), "now all was checked");
	arrival_complete(a);
	ok(arrival_state(a) == ARRIVAL_CANCELLED, "the first end counts");
	is_int(arrival_wait_complete(a), -ECANCELED, "who waits for all is told");
	arrival_free(a);
	manifest_free(&m);
	close(fd);
}

/* Without Blocks: as far as it has come. */
static void test_without_blocks(void)
{
	struct arrival *a = arrival_new(100, UINT64_MAX, 0);
	int fd = data_file("0123456789", 10);
	uint64_t end;
	size_t size;

	ok(arrival_is_kept(a, 0, &end) && end > 100, "without Blocks all is kept");
	is_int((long long)arrival_room(a), 100, "room for all");
	arrival_add(a, 10, 0);
	ok(arrival_wait(a, read_fd, &fd, 3, 100, &size) == 0 && size == 7,
	   "what has come can be read");
	arrival_complete(a);
	is_int(arrival_wait(a, read_fd, &fd, 10, 1, &size), -ECANCELED, "and no more");
	arrival_free(a);
	close(fd);
}

/* ---- anything at once ---- */

static void choose(struct run *run, const struct made_payload *m)
{
	uint64_t size = m->bytes.size;
	size_t n = m->manifest.n_blocks;

	*run = plain_run;
	run->decoders = 1 + next_random() % 9;
	run->pool = next_random() % 2;
	run->more_window = next_random() % 3 ? 0 : next_random() % 500000;
	run->checks_only = next_random() % 2;
	for (size_t i = 0; next_random() % 2 && i < ARRAY_SIZE(run->receiver.wrong); i++)
		run->receiver.wrong[i] = next_random() % n;
	run->receiver.wrong_times = next_random() % 2 ? 1 : next_random() % 5;
	if (next_random() % 4 == 0)
		run->receiver.fails_at = next_random() % (size + 1);
	if (next_random() % 4 == 0)
		run->cancelled_at = next_random() % (size + 1);
	if (next_random() % 4 == 0)
		run->receiver.vanishes_at = run->cancelled_at = next_random() % (size + 1);
	if (next_random() % 4 == 0)
		run->stops_at = next_random() % (tar.size - 300000); /* before its last chunk */
}

/* Whoever wins, it is one of those who were to end it. */
static bool is_allowed(const struct run *run)
{
	const struct receiver *r = &run->receiver;
	bool is_wrong = false;

	for (size_t i = 0; i < ARRAY_SIZE(r->wrong); i++)
		is_wrong = is_wrong || (r->wrong[i] != SIZE_MAX && r->wrong_times > 3);
	switch (-run->error) {
	case 0:
		return run->stops_at == NEVER && !is_wrong;
	case EREMOTEIO:
		return (r->fails_at != NEVER || is_wrong) &&
		       strcmp(run->fail.todo, receiver_fail.todo) == 0;
	case ECANCELED:
		return run->cancelled_at != NEVER;
	case ENOMEM:
		return run->stops_at != NEVER && strcmp(run->fail.todo, "Add memory.") == 0;
	default:
		return false;
	}
}

static void test_anything(const struct made_payload payloads[])
{
	unsigned rounds = getenv("TARBOOT_TEST_ALL") ? 3000 : SANITIZED ? 60 : 150, n = 0;
	bool good = true;
	struct run run;

	for (; good && n < rounds; n++) {
		size_t k = next_random() % ARRAY_SIZE(kinds);

		choose(&run, &payloads[k]);
		snprintf(case_name, sizeof(case_name), "anything, %s, run %u, seed %llu",
			 kinds[k].name, n, (unsigned long long)seed);
		run_once(&payloads[k], &run);
		good = !run.broken && is_allowed(&run);
	}
	if (!ok(good, "%u runs in which anything may happen: all end, and as they may", n))
		diag("  %s\n  %d %s: %s\n  %s", case_name, run.error, run.fail.what, run.fail.why,
		     run.broken ? run.broken : "");
}

int main(void)
{
	const char *given = getenv("TARBOOT_TEST_SEED");
	struct made_payload payloads[ARRAY_SIZE(kinds)];

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
	test_struct();
	test_without_blocks();
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		build(&payloads[k], &kinds[k], &tar);
	test_trees(payloads);
	test_kept(&payloads[0]);
	test_wrong(payloads);
	test_here(payloads);
	test_receiver_ends(&payloads[0]);
	test_reader_ends(&payloads[0]);
	test_no_start(&payloads[0]);
	test_wrong_manifests();
	test_anything(payloads);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		drop(&payloads[k]);
	bytes_free(&tar);
	free(want);
	return done_testing();
}
