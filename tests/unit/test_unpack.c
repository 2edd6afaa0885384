/*
 * The engine as a whole: one tar in many disguises — Blocks of all sizes, streams, parts, threads, pools
 * that are too small — always becomes the same tree, and what is not whole is refused by every one.
 */
#include "engine/unpack.h"

#include <errno.h>
#include <locale.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tar/member.h"
#include "tap.h"
#include "tar_bytes.h"
#include "make_zstd.h"
#include "tar/tar_write.h"

#define CHUNK 262144 /* what the engine decodes at a time; files around that size are hard cases */

static const size_t sizes[] = {
	0, 1, 511, 512, 513, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5, 7
};
#define N_SMALL 300 /* files of a few bytes each, more than the engine queues at once */
#define N_FILES (ARRAY_SIZE(sizes) + N_SMALL)

static uint8_t content[3 * CHUNK];
static struct bytes tar, small_tar; /* all files; three of them */

static size_t file_size(size_t i)
{
	return i < ARRAY_SIZE(sizes) ? sizes[i] : 1 + i % 500;
}

static void file_path(size_t i, char path[64])
{
	snprintf(path, 64, "d%zu/file-%zu", i % 7, i);
}

/* ---- the archive ---- */

/* For the small files bytes that are never alike; then runs of equal bytes, which the sanitizer builds
 * decode in little time. */
static void make_content(void)
{
	fill_pattern(content, 1024);
	for (size_t i = 1024; i < sizeof(content); i++)
		content[i] = (uint8_t)(i / 700 + i / 65536);
}

static void make_tar(struct bytes *ret, size_t first)
{
	struct tar_writer *w;
	struct fail f;
	char path[64];

	must(tar_writer_open(bytes_sink, ret, &w));
	for (size_t i = first; i < N_FILES; i++) {
		const struct member m = { .type = MEMBER_FILE,
					  .path = path,
					  .mode = 0640,
					  .size = file_size(i),
					  .mtime = { (time_t)i, (long)i } };

		file_path(i, path);
		must(tar_writer_add(w, &m, NULL, 0, &f));
		must(tar_writer_data(w, content + i, file_size(i), 0, &f));
	}
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
}

/* ---- running the engine ---- */

static int run(const struct payload *p, int root_fd, unsigned threads, uint64_t pool,
	       struct unpack_result *ret, struct fail *f)
{
	struct unpack_progress progress = { 0 };
	const struct engine_plan plan = { .threads = threads, .decoders = threads, .pool = pool };
	const struct unpack_options options = { .root_fd = root_fd,
						.threads = threads,
						.plan = pool ? &plan : NULL,
						.progress = &progress };
	int r = unpack_run(p, &options, ret, f);

	if (r == 0 && (progress.total != ret->bytes || progress.bytes != ret->bytes ||
		       progress.members != ret->members))
		ok(false, "the progress ends where the result is");
	return r;
}

static unsigned count_wrong_files(int root_fd)
{
	static uint8_t have[sizeof(content)];
	unsigned wrong = 0;
	char path[64];
	struct stat st;

	for (size_t i = 0; i < N_FILES; i++) {
		_cleanup_close_ int fd = -1;

		file_path(i, path);
		fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
		wrong += fd < 0 || fstat(fd, &st) < 0 || st.st_size != (off_t)file_size(i) ||
			 read(fd, have, sizeof(have)) != (ssize_t)file_size(i) ||
			 memcmp(have, content + i, file_size(i)) != 0 ||
			 (st.st_mode & 07777) != 0640 || st.st_mtim.tv_sec != (time_t)i ||
			 st.st_mtim.tv_nsec != (long)i;
	}
	return wrong;
}

/* Unpacks into a new directory and looks at what is there. */
static void check_payload(const struct payload *p, unsigned threads, uint64_t pool, const char *how)
{
	static unsigned count;
	struct unpack_result result = { 0 };
	struct fail f = { 0 };
	char name[32];
	int root_fd, r;

	snprintf(name, sizeof(name), "root-%u", count++);
	root_fd = scratch_dir(name);
	r = run(p, root_fd, threads, pool, &result, &f);
	if (!ok(r == 0 && count_wrong_files(root_fd) == 0, "%s, %u threads, pool of %llu", how,
		threads, (unsigned long long)pool))
		diag("  %s: %s", f.what, f.why);
	if (r == 0)
		ok(result.bytes == tar.size && result.members == N_FILES && result.threads >= 1,
		   "its numbers");
	close(root_fd);
	scratch_remove(scratch_base_fd, name);
}

/* ---- disguises ---- */

static const struct {
	const char *how;
	struct xz_recipe recipe;
	unsigned streams;
} disguises[] = {
	{ "one Block", { .n_blocks = 1 }, 1 },
	{ "one Block without sizes", { .n_blocks = 1, .no_sizes = true }, 1 },
	{ "equal Blocks",
	  { .n_blocks = 7, .blocks = { CHUNK, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK } },
	  1 },
	{ "small Blocks first",
	  { .n_blocks = 12, .blocks = { 1, 511, 512, 1, 0, 513, 1023, 0, 100000, 3, CHUNK + 1 } },
	  1 },
	{ "no sizes, small Blocks",
	  { .n_blocks = 5, .blocks = { 100, 200, 300, CHUNK * 2 }, .no_sizes = true },
	  1 },
	/* Borders everywhere, at odd places: within headers, too. */
	{ "many small streams", { .n_blocks = 1 }, 401 },
	{ "four streams", { .n_blocks = 2, .blocks = { 1000 }, .padding = 8 }, 4 },
};

static void build(struct bytes *file, size_t i)
{
	struct xz_recipe recipe = disguises[i].recipe;
	size_t step = tar.size / disguises[i].streams, size, at = 0;

	recipe.check = LZMA_CHECK_CRC64;
	for (unsigned s = 0; s < disguises[i].streams; s++, at += size) {
		size = s + 1 < disguises[i].streams ? step : tar.size - at;
		add_stream(file, &recipe, tar.data + at, size);
	}
}

static void test_disguises(void)
{
	static const struct {
		unsigned threads;
		uint64_t pool;
	} runs[] = { { 1, 1 }, { 2, 0 }, { 3, 3 * CHUNK }, { 8, 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(disguises); i++) {
		struct bytes file = { 0 };
		struct payload p;

		build(&file, i);
		open_payload(&file, &p);
		for (size_t r = 0; r < ARRAY_SIZE(runs); r++)
			check_payload(&p, runs[r].threads, runs[r].pool, disguises[i].how);
		payload_close(&p);
		bytes_free(&file);
	}
}

static void test_parts(void)
{
	struct bytes file = { 0 };
	struct payload p = { .name = "parts" };

	build(&file, 2);
	for (size_t at = 0, size; at < file.size; at += size) {
		size = file.size - at < 30011 ? file.size - at : 30011;
		must(payload_add(&p, data_file(file.data, file.size), at, size));
	}
	check_payload(&p, 300, 0, "a payload in many parts");
	payload_close(&p);
	bytes_free(&file);
}

/* A file in memory, whose blocks tell how much of it there is. */
static int memory_file(const struct bytes *file, size_t at, size_t size)
{
	int fd = must(memfd_create("payload", MFD_CLOEXEC));

	if (write(fd, file->data + at, size) != (ssize_t)size)
		scratch_die("memfd");
	return fd;
}

/* With discard the payload is used up, to the last page, however many Blocks share one; the tree must not suffer
 * from it. Without, it stays: somebody may want to try again. */
static void check_discard(size_t disguise, size_t threads, size_t part, bool discard)
{
	const struct engine_plan plan = { .threads = (unsigned)threads,
					  .decoders = (unsigned)threads,
					  .pool = 1 };
	struct payload p = { .name = "parts" };
	struct unpack_result result;
	struct bytes file = { 0 };
	long long before = 0, after = 0;
	int root_fd = scratch_dir("discard");
	struct stat st;
	struct fail f;

	build(&file, disguise);
	for (size_t at = 0, size; at < file.size; at += size) {
		size = file.size - at < part ? file.size - at : part;
		must(payload_add(&p, memory_file(&file, at, size), 0, size));
		must(fstat(p.parts[p.n_parts - 1].fd, &st));
		before += st.st_blocks;
	}
	if (unpack_run(&p,
		       &(struct unpack_options){
			       .root_fd = root_fd, .plan = &plan, .discard = discard },
		       &result, &f) < 0)
		diag("  %s: %s", f.what, f.why);
	for (size_t i = 0; i < p.n_parts; i++) {
		must(fstat(p.parts[i].fd, &st));
		after += st.st_blocks;
	}
	ok(count_wrong_files(root_fd) == 0 && before > 0 && after == (discard ? 0 : before),
	   "%s, %zu threads, %s: %s", disguises[disguise].how, threads,
	   part == SIZE_MAX ? "one part" : "several parts", discard ? "given back" : "kept");
	if (discard && after != 0)
		diag("  %lld of %lld blocks are there", after, before);
	payload_close(&p);
	bytes_free(&file);
	close(root_fd);
	scratch_remove(scratch_base_fd, "discard");
}

static void test_discard(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(disguises); i++)
		check_discard(i, 1 + i, i % 2 ? SIZE_MAX : 30011, true);
	check_discard(2, 3, SIZE_MAX, false);
}

static void test_check_only(void)
{
	struct unpack_result result;
	struct bytes file = { 0 };
	struct payload p;
	struct fail f;

	build(&file, 3);
	open_payload(&file, &p);
	is_int(run(&p, -1, 2, 1, &result, &f), 0, "checked without a tree");
	ok(result.bytes == tar.size && result.members == N_FILES && result.blocks == 12 &&
		   result.losses.count == 0,
	   "its numbers");
	payload_close(&p);
	bytes_free(&file);
}

/* Somebody who is asked whether there is room for more, each step bytes. */
struct asked {
	uint64_t step, stop; /* at which byte there is none */
	uint64_t next;       /* byte before which nobody need ask */
	unsigned calls, early;
	unsigned unasked; /* members at that byte or behind */
	unsigned members;
};

static int answer(void *arg, uint64_t bytes, uint64_t unwritten, uint64_t *ret_next, struct fail *f)
{
	struct asked *a = arg;

	(void)unwritten;
	a->calls++;
	a->early += bytes < a->next;
	*ret_next = a->next = a->step > UINT64_MAX - bytes ? UINT64_MAX : bytes + a->step;
	if (bytes < a->stop)
		return 0;
	return fail_set(f, ENOMEM, "memory", "Add memory.", "it is used up");
}

static void note_member(void *arg, const struct member *m, uint64_t at)
{
	struct asked *a = arg;

	(void)m;
	a->members++;
	a->unasked += at >= a->next;
}

/* However few bytes were said to be enough for now, also within a chunk, which holds hundreds of the small files. */
static void test_asked(void)
{
	static const struct {
		uint64_t step, stop;
		unsigned least, most; /* calls */
		int r;
	} cases[] = {
		{ UINT64_MAX, UINT64_MAX, 1, 1, 0 },
		{ 1, UINT64_MAX, N_FILES, 2 * N_FILES, 0 },
		{ 5000, UINT64_MAX, 20, N_FILES, 0 },
		{ 1, CHUNK * 4 + 12345, 10, N_FILES, -ENOMEM },
		{ 1, 0, 1, 1, -ENOMEM },
	};
	struct bytes file = { 0 };
	struct payload p;

	build(&file, 0);
	open_payload(&file, &p);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked a = { .step = cases[i].step, .stop = cases[i].stop };
		const struct unpack_options options = { .root_fd = -1,
							.threads = 2,
							.member = note_member,
							.member_arg = &a,
							.may_go_on = answer,
							.may_go_on_arg = &a };
		struct unpack_result result;
		struct fail f = { 0 };

		is_int(unpack_run(&p, &options, &result, &f), cases[i].r, "asked each %llu bytes",
		       (unsigned long long)cases[i].step);
		ok(a.calls >= cases[i].least && a.calls <= cases[i].most && a.early == 0,
		   "%u times, %u of them early", a.calls, a.early);
		is_int(a.unasked, 0, "and before each member that is due");
		if (cases[i].r < 0)
			ok(a.members < N_FILES && strncmp(f.why, "it is used up", 13) == 0,
			   "it ends there: %s", f.why);
	}
	payload_close(&p);
	bytes_free(&file);
}

static int refuse_silently(void *arg, uint64_t bytes, uint64_t unwritten, uint64_t *ret_next,
			   struct fail *f)
{
	(void)arg;
	(void)bytes;
	(void)unwritten;
	(void)ret_next;
	(void)f;
	return -ENOMEM;
}

/* What is not whole must not pass for it, whatever somebody forgets to say. */
static void test_silent_failure(void)
{
	const struct unpack_options options = { .root_fd = -1,
						.threads = 2,
						.may_go_on = refuse_silently };
	struct unpack_result result;
	struct fail f = { 0 };
	struct bytes file = { 0 };
	struct payload p;

	build(&file, 0);
	open_payload(&file, &p);
	is_int(unpack_run(&p, &options, &result, &f), -EIO, "a failure that says nothing is one");
	is_str(f.what, "the unpack engine", "it has a name");
	ok(strncmp(f.why, "it failed without saying why", 28) == 0, "and a reason: %s", f.why);
	payload_close(&p);
	bytes_free(&file);
}

/* A process that is held to its plan: what it outgrows is told, and what to do. The pool of this plan was never
 * counted in its memory. */
static void unpack_held(const struct payload *p, struct fail *ret)
{
	const struct engine_plan plan = {
		.threads = 1, .decoders = 1, .pool = 256 << 20, .memory = 10 << 20
	};
	const struct unpack_options options = { .root_fd = -1, .plan = &plan, .hold = true };
	struct unpack_result result;

	_exit(unpack_run(p, &options, &result, ret) == -ENOMEM ? 0 : 1);
}

static void test_held(void)
{
	struct fail *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	struct bytes file = { 0 };
	int status = -1;
	struct payload p;
	pid_t pid;

	if (SANITIZED || f == MAP_FAILED) {
		skip(3, "a sanitizer's build is not limited");
		return;
	}
	build(&file, 3);
	open_payload(&file, &p);
	pid = fork();
	if (pid == 0)
		unpack_held(&p, f);
	waitpid(pid, &status, 0);
	is_int(status, 0, "more memory than the plan says");
	is_str(f->why, "cannot start its threads: Out of memory", "is refused");
	is_str(f->todo,
	       "Unpacking is held to 10.0 MiB, which this archive should not outgrow: report it, "
	       "and "
	       "pack the root again with `tarboot pack`.",
	       "and it is told what to do");
	munmap(f, sizeof(*f));
	payload_close(&p);
	bytes_free(&file);
}

/* Each write in the queue keeps a file open. */
static void test_files(void)
{
	const struct unpack_options options = { .root_fd = -1, .hold = true };
	struct unpack_result result;
	struct bytes file = { 0 };
	struct rlimit limit;
	int status = -1;
	struct payload p;
	struct fail f;
	pid_t pid;

	build(&file, 3);
	open_payload(&file, &p);
	pid = fork();
	if (pid == 0) {
		(void)getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = 64;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		if (unpack_run(&p, &options, &result, &f) < 0)
			_exit(1);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
		_exit(limit.rlim_cur == limit.rlim_max ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "a process that unpacks may have more files open than usual");
	payload_close(&p);
	bytes_free(&file);
}

#define MANY 250 /* threads */

/* Returns how many ran. */
static unsigned unpack_with_layer(const struct payload *root, const struct payload *layer)
{
	const struct engine_plan most_memory = {
		.threads = 1, .decoders = 1, .pool = 4 << 20, .memory = 60 << 20
	};
	const struct engine_plan most_threads = {
		.threads = MANY, .decoders = 1, .pool = 58 << 20, .memory = 60 << 20
	};
	const struct unpack_layer over = { .payload = layer, .plan = &most_threads };
	const struct unpack_options options = {
		.root_fd = -1, .plan = &most_memory, .layers = &over, .n_layers = 1, .hold = true
	};
	struct unpack_result result = { 0 };
	struct fail f;

	return unpack_run(root, &options, &result, &f) == 0 ? result.threads : 0;
}

static void test_held_to_all(void)
{
	struct bytes file = { 0 };
	struct payload p, layer;
	int status = -1;
	pid_t pid;

	if (SANITIZED) {
		skip(1, "a sanitizer's build is not limited");
		return;
	}
	build(&file, 3);
	open_payload(&file, &p);
	open_payload(&file, &layer);
	pid = fork();
	if (pid == 0)
		_exit((int)unpack_with_layer(&p, &layer));
	waitpid(pid, &status, 0);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, MANY,
	       "there is room for all threads of the layer that has most");
	payload_close(&layer);
	payload_close(&p);
	bytes_free(&file);
}

/* ---- ends ---- */

enum tail {
	NO_MARKER,
	HALF_MARKER,
	MARKER,
	PADDED,
	JUNK,
	FAR_JUNK,
	SECOND_TAR,
	CUT_DATA,
	CUT_HEADER
};

static const struct {
	const char *what;
	enum tail tail;
	bool good;
	const char *why;
} ends[] = {
	{ "no end marker", NO_MARKER, false, "end marker" },
	{ "half an end marker", HALF_MARKER, false, "end marker" },
	{ "an end marker and nothing else", MARKER, true, NULL },
	{ "an end marker and 300 kB of zeros", PADDED, true, NULL },
	{ "a byte behind the end marker", JUNK, false, "follows" },
	{ "a byte 300 kB behind the end marker", FAR_JUNK, false, "follows" },
	{ "a second archive behind the end marker", SECOND_TAR, false, "follows" },
	{ "the last file cut short", CUT_DATA, false, "" },
	{ "a header cut short", CUT_HEADER, false, "" },
};

/* The archive without its end marker, then what the case asks for. The last file has 310 bytes. */
static void make_ending(struct bytes *b, enum tail tail)
{
	static const uint8_t zeros[300 * 1024];
	size_t whole = small_tar.size - 1024;

	if (tail == CUT_DATA)
		whole -= 508;
	if (tail == CUT_HEADER)
		whole -= 512 + 256;
	bytes_add(b, small_tar.data, whole);
	if (tail == HALF_MARKER)
		bytes_add(b, zeros, 512);
	if (tail >= MARKER && tail <= SECOND_TAR)
		bytes_add(b, zeros, 1024);
	if (tail == PADDED || tail == FAR_JUNK)
		bytes_add(b, zeros, sizeof(zeros));
	if (tail == JUNK || tail == FAR_JUNK)
		bytes_add(b, "x", 1);
	if (tail == SECOND_TAR)
		bytes_add(b, small_tar.data, 2048);
}

/* Blocks are cut so that the end lies in the last chunk, at its border, or in a Block of its own. */
static void check_ending(size_t i, size_t border, int root_fd)
{
	struct xz_recipe recipe = { .n_blocks = 2, .check = LZMA_CHECK_CRC32 };
	struct bytes bytes = { 0 }, file = { 0 };
	struct unpack_result result;
	struct fail f = { 0 };
	struct payload p;
	int r;

	make_ending(&bytes, ends[i].tail);
	recipe.blocks[0] = bytes.size < border ? 0 : small_tar.size - border;
	if (recipe.blocks[0] > bytes.size)
		recipe.blocks[0] = bytes.size;
	add_stream(&file, &recipe, bytes.data, bytes.size);
	open_payload(&file, &p);
	r = run(&p, root_fd, 2, 0, &result, &f);
	if (ends[i].good)
		ok(r == 0, "%s, border at %zu: is good%s", ends[i].what, border, f.why);
	else
		ok(r == -EBADMSG && strstr(f.why, ends[i].why) && *f.what, "%s, border at %zu: %s",
		   ends[i].what, border, f.why);
	payload_close(&p);
	bytes_free(&file);
	bytes_free(&bytes);
}

static void test_ends(void)
{
	static const size_t borders[] = { 0, 1, 512, 700, 1024, 2048 };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		for (size_t b = 0; b < ARRAY_SIZE(borders); b++)
			check_ending(i, borders[b], -1);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		int root_fd = scratch_dir("ending");

		check_ending(i, 512, root_fd);
		close(root_fd);
		scratch_remove(scratch_base_fd, "ending");
	}
}

static void test_not_tar(void)
{
	static const struct {
		const char *what, *bytes;
		size_t size;
	} files[] = {
		{ "nothing", "", 0 },
		{ "a text", "hello, world\n", 13 },
		{ "a cpio archive", "070701000000000000000000000000000000000000", 42 },
	};
	const struct xz_recipe recipe = { .n_blocks = 1, .check = LZMA_CHECK_CRC32 };
	uint8_t noise[4096];

	fill_pattern(noise, sizeof(noise));
	for (size_t i = 0; i <= ARRAY_SIZE(files); i++) {
		bool text = i < ARRAY_SIZE(files);
		struct unpack_result result;
		struct bytes file = { 0 };
		struct fail f = { 0 };
		struct payload p;

		add_stream(&file, &recipe, text ? files[i].bytes : (const char *)noise,
			   text ? files[i].size : sizeof(noise));
		open_payload(&file, &p);
		ok(run(&p, -1, 1, 0, &result, &f) == -EBADMSG && *f.what && *f.why,
		   "%s is no root archive: %s", text ? files[i].what : "noise", f.why);
		payload_close(&p);
		bytes_free(&file);
	}
}

/* ---- failures in the middle ---- */

/* A damaged byte anywhere, with any number of threads: the failure is told and everyone stops. */
static void test_damage(void)
{
	struct bytes file = { 0 };
	unsigned accepted = 0, wordless = 0, tried = 0;

	build(&file, 2);
	for (size_t at = 30; at < file.size; at += file.size / 20) {
		int root_fd = scratch_dir("damage");
		struct unpack_result result;
		struct fail f = { 0 };
		struct payload p;

		file.data[at] ^= 0x20;
		open_payload(&file, &p);
		accepted += run(&p, tried % 3 ? root_fd : -1, 1 + tried % 4, tried % 2, &result,
				&f) == 0;
		wordless += !*f.what || !*f.why;
		payload_close(&p);
		file.data[at] ^= 0x20;
		tried++;
		close(root_fd);
		scratch_remove(scratch_base_fd, "damage");
	}
	is_int(accepted, 0, "%u damaged files are refused", tried);
	is_int(wordless, 0, "with what and why");
	bytes_free(&file);
}

/* A tree that cannot be made: what failed first is told, by the member's name. */
static void test_tree_failure(void)
{
	int root_fd = scratch_dir("failure"), before;
	struct unpack_result result;
	struct bytes file = { 0 };
	struct fail f = { 0 };
	struct payload p;
	char path[64];

	build(&file, 2);
	file_path(200, path);
	must(mkdirat(root_fd, "d4", 0755));
	must(mkdirat(root_fd, path, 0755));
	strcat(path, "/full");
	must(mkdirat(root_fd, path, 0755));
	open_payload(&file, &p);
	before = count_descriptors();
	is_int(run(&p, root_fd, 3, 0, &result, &f), -ENOTEMPTY,
	       "a full directory in a file's place");
	ok(strstr(f.what, "file-200"), "is told: %s: %s", f.what, f.why);
	is_int(count_descriptors(), before, "no descriptor is left open");
	payload_close(&p);
	bytes_free(&file);
	close(root_fd);
}

/* ---- what refers far back ---- */

#define FAR (2U << 20) /* behind a buffer of input and the chunks that the parser holds */
#define FAR_SIZE (20U << 20)

/* One file: noise that comes again FAR bytes later, half of it each time, so that it is decoded out of what may be written by then. */
static uint8_t *make_far(struct bytes *ret)
{
	uint8_t *data = malloc(FAR_SIZE);
	const struct member m = {
		.type = MEMBER_FILE, .path = "far", .mode = 0644, .size = FAR_SIZE
	};
	uint64_t state = 88172645463325252ULL;
	struct tar_writer *w;
	struct fail f;

	if (!data)
		scratch_die("malloc");
	for (size_t i = 0; i < FAR_SIZE; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		data[i] = i >= FAR && i % (FAR / 2) < FAR / 4 ? data[i - FAR]
							      : (uint8_t)(state >> 56);
	}
	must(tar_writer_open(bytes_sink, ret, &w));
	must(tar_writer_add(w, &m, NULL, 0, &f));
	must(tar_writer_data(w, data, FAR_SIZE, 0, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	return data;
}

static bool is_far(int root_fd, const uint8_t *want)
{
	_cleanup_close_ int fd = openat(root_fd, "far", O_RDONLY | O_CLOEXEC);
	uint8_t *have = mmap(NULL, FAR_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	bool same = have != MAP_FAILED && memcmp(have, want, FAR_SIZE) == 0;

	if (have != MAP_FAILED)
		munmap(have, FAR_SIZE);
	return same;
}

/* Frames of zstd in one piece of the pool each: the parser is faster than the decoder, which still needs what is parsed. The last
 * frame is short, and no frame follows to keep the pool. Without checksums nothing but the bytes tells. */
static void test_far(void)
{
	struct bytes far_tar = { 0 };
	uint8_t *want = make_far(&far_tar);

	for (unsigned i = 0; i < 8; i++) {
		const struct zstd_recipe recipe = { .every = (i & 1 ? 9U : 6U) << 20,
						    .level = 1,
						    .window = 23,
						    .no_checksum = i & 2 };
		unsigned threads = i & 4 ? 2 : 5;
		struct bytes file = { 0 };
		struct unpack_result result;
		struct payload p;
		struct fail f = { 0 };
		int root_fd = scratch_dir("far");

		add_zstd(&file, &recipe, far_tar.data, far_tar.size);
		open_payload(&file, &p);
		ok(run(&p, -1, threads, 0, &result, &f) == 0 && result.plan.whole,
		   "what refers far back, frames of %zu, %u threads: is whole %s", recipe.every,
		   threads, f.why);
		ok(run(&p, root_fd, threads, 0, &result, &f) == 0 && is_far(root_fd, want),
		   "and every byte is right %s", f.why);
		payload_close(&p);
		bytes_free(&file);
		close(root_fd);
		scratch_remove(scratch_base_fd, "far");
	}
	bytes_free(&far_tar);
	free(want);
}

int main(void)
{
	alarm(300); /* a deadlock must not hang the tests */
	setlocale(LC_CTYPE, "C.UTF-8");
	make_content();
	make_tar(&tar, 0);
	make_tar(&small_tar, N_FILES - 3);
	test_disguises();
	test_parts();
	test_discard();
	test_check_only();
	test_asked();
	test_silent_failure();
	test_held();
	test_held_to_all();
	test_files();
	test_ends();
	test_not_tar();
	test_damage();
	test_tree_failure();
	bytes_free(&tar);
	bytes_free(&small_tar);
	test_far();
	return done_testing();
}
