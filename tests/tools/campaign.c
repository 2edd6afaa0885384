/*
 * campaign: damage a .tar.xz or .tar.zst in thousands of ways and see what comes of it.
 *
 *     campaign [-s SEED] [-f FLIPS] [-c CUTS] [-x] PAYLOAD TREE SCRATCH [COMMAND ARGUMENT...]
 *
 * Each time one byte is changed or the end cut off, the payload is unpacked into SCRATCH, and what is said to
 * be good is compared with TREE. Who unpacks is the engine in this process, with 1 to 4 threads, or COMMAND,
 * whose arguments FILE and DIR stand for what is meant. -x: all values of the two kinds of bytes that no check
 * of the format covers, control and properties of an LZMA2 chunk. They say how to decode; what was decoded is
 * checked.
 *
 * One line for each region of the file: its name, how many times it was damaged, how often that was refused,
 * taken for good with the same tree, and with a wrong one. Before them a line for each damage that was
 * taken for good, starting with '#'.
 */
#include <locale.h>
#include <lzma.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <zstd.h>

#include "codec/zstd_frame.h"
#include "listing.h"
#include "scratch.h"
#include "engine/unpack.h"

enum region {
	STREAM_HEADER,
	BLOCK_HEADER, /* of zstd: a frame's */
	PART_HEADER,  /* of zstd: a block's, of which frames consist */
	CONTROL,      /* of an LZMA2 chunk: what it resets */
	PROPERTIES,   /* of an LZMA2 chunk: lc, lp, pb */
	DATA,
	TAR_PADDING, /* data of Blocks that lie behind the tar's end */
	BLOCK_PADDING,
	CHECK,
	INDEX,
	FOOTER,
	CUT, /* no region: the file ends early */
	N_REGIONS
};

static const char *const region_names[] = {
	"stream header", "Block header",  "part header", "control", "properties", "data",
	"tar padding",   "Block padding", "check",       "Index",   "footer",     "cut",
};

static struct {
	unsigned tried, refused, same, wrong;
} counts[N_REGIONS];

static uint8_t *file; /* as it should be */
static size_t file_size;
static uint8_t *region_of; /* each byte of file */
static size_t *offsets;    /* of file, sorted by region */
static size_t region_start[N_REGIONS + 1];

static int scratch_fd, file_fd; /* SCRATCH; the payload that gets damaged */
static char scratch_path[4096], file_path[4200], dir_path[4200];
static char *want;

/* Owner, mode and time of the root itself: bsdtar leaves them. */
static const char *const exclude[] = { "." };
static const struct listing_options options = { .exclude = exclude, .n_exclude = 1 };

static char **arg_command; /* NULL: the engine */
static unsigned arg_flips, arg_cuts;
static bool arg_all;
static uint64_t state; /* of the random numbers */
static char now[200];  /* what is tried, for on_signal */

/* xorshift */
static uint32_t next_random(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

/* ---- regions ---- */

static void mark(enum region region, uint64_t from, uint64_t to)
{
	memset(region_of + from, region, (size_t)(to - from));
}

static lzma_index *read_index(void)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	lzma_ret r = lzma_file_info_decoder(&strm, &index, UINT64_MAX, file_size);

	strm.next_in = file;
	strm.avail_in = file_size;
	while (r == LZMA_OK || r == LZMA_SEEK_NEEDED) {
		r = lzma_code(&strm, LZMA_FINISH);
		if (r == LZMA_SEEK_NEEDED) {
			strm.next_in = file + strm.seek_pos;
			strm.avail_in = file_size - strm.seek_pos;
		}
	}
	lzma_end(&strm);
	if (r != LZMA_STREAM_END) {
		errno = EINVAL;
		scratch_die("payload");
	}
	return index;
}

/* Where the last member ends: behind it all is zero. */
static uint64_t find_xz_tar_end(void)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	static uint8_t out[65536];
	uint64_t end = 0, at = 0;
	lzma_ret r = lzma_stream_decoder(&strm, UINT64_MAX, 0);

	strm.next_in = file;
	strm.avail_in = file_size;
	while (r == LZMA_OK) {
		strm.next_out = out;
		strm.avail_out = sizeof(out);
		r = lzma_code(&strm, LZMA_FINISH);
		for (size_t i = 0; i < sizeof(out) - strm.avail_out; i++)
			if (out[i])
				end = at + i + 1;
		at += sizeof(out) - strm.avail_out;
	}
	lzma_end(&strm);
	return end;
}

static uint64_t find_zstd_tar_end(void)
{
	static uint8_t out[65536];
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer in = { file, file_size, 0 };
	ZSTD_outBuffer to = { out, sizeof(out), 0 };
	uint64_t end = 0, at = 0;
	size_t r = 0;

	while (!ZSTD_isError(r) && (in.pos < in.size || to.pos == to.size)) {
		to.pos = 0;
		r = ZSTD_decompressStream(stream, &to, &in);
		for (size_t i = 0; i < to.pos; i++)
			if (out[i])
				end = at + i + 1;
		at += to.pos;
	}
	ZSTD_freeDStream(stream);
	return end;
}

static void mark_chunk_headers(uint64_t at, uint64_t end)
{
	while (at < end) {
		uint8_t control = file[at];

		mark(CONTROL, at, at + 1);
		if (control == 0)
			return;
		if (control >= 0xc0)
			mark(PROPERTIES, at + 5, at + 6);
		if (control < 0x80)
			at += 3 + (size_t)(file[at + 1] << 8 | file[at + 2]) + 1;
		else
			at += 5 + (control >= 0xc0) + (size_t)(file[at + 3] << 8 | file[at + 4]) +
			      1;
	}
}

/* Returns the number of Blocks. */
static uint64_t find_xz_regions(void)
{
	lzma_index *index = read_index();
	uint64_t tar_end = find_xz_tar_end(), index_at = 0, n;
	lzma_index_iter iter;

	lzma_index_iter_init(&iter, index);
	mark(STREAM_HEADER, 0, LZMA_STREAM_HEADER_SIZE);
	while (!lzma_index_iter_next(&iter, LZMA_INDEX_ITER_BLOCK)) {
		uint64_t at = iter.block.compressed_file_offset;
		uint64_t data = at + lzma_block_header_size_decode(file[at]);
		uint64_t check = lzma_check_size(iter.stream.flags->check);
		uint64_t data_end = at + iter.block.unpadded_size - check;

		index_at = at + iter.block.total_size;
		mark(BLOCK_HEADER, at, data);
		mark(iter.block.uncompressed_file_offset < tar_end ? DATA : TAR_PADDING, data,
		     data_end);
		mark_chunk_headers(data, data_end);
		mark(BLOCK_PADDING, data_end, index_at - check);
		mark(CHECK, index_at - check, index_at);
	}
	mark(INDEX, index_at, file_size - LZMA_STREAM_HEADER_SIZE);
	mark(FOOTER, file_size - LZMA_STREAM_HEADER_SIZE, file_size);
	n = lzma_index_block_count(index);
	lzma_index_end(index, NULL);
	return n;
}

/* Marks the frame at this place and returns where the next one starts. */
static uint64_t mark_frame(uint64_t at, const struct zstd_frame *frame, enum region data)
{
	struct zstd_part part = { 0 };

	mark(BLOCK_HEADER, at, at + frame->header_size);
	at += frame->header_size;
	while (!part.is_last) {
		must(zstd_part_parse(file + at, frame, &part));
		mark(PART_HEADER, at, at + ZSTD_PART_HEADER_SIZE);
		at += ZSTD_PART_HEADER_SIZE;
		mark(data, at, at + part.total);
		at += part.total;
	}
	if (frame->has_checksum)
		mark(CHECK, at, at + 4);
	return at + (frame->has_checksum ? 4 : 0);
}

/* Without skippable frames. */
static uint64_t find_zstd_regions(void)
{
	uint64_t tar_end = find_zstd_tar_end(), start = 0, n = 0;
	struct zstd_frame frame;

	for (uint64_t at = 0; at < file_size; n++) {
		must(zstd_frame_parse(file + at, file_size - at, &frame));
		at = mark_frame(at, &frame,
				frame.has_size && start >= tar_end ? TAR_PADDING : DATA);
		start += frame.size;
	}
	return n;
}

static void find_regions(void)
{
	uint64_t blocks = zstd_frame_is_magic(file, file_size) ? find_zstd_regions()
							       : find_xz_regions();
	size_t n = 0;

	for (unsigned region = 0; region < CUT; region++) {
		region_start[region] = n;
		for (size_t i = 0; i < file_size; i++)
			if (region_of[i] == region)
				offsets[n++] = i;
	}
	region_start[CUT] = n;
	printf("# %llu Blocks, %zu bytes\n", (unsigned long long)blocks, file_size);
}

/* ---- unpacking ---- */

static bool unpack_here(int root_fd, unsigned turn)
{
	const struct engine_plan small = { .threads = 1 + turn % 4,
					   .decoders = 1 + turn % 4,
					   .pool = 1 };
	const struct unpack_options how = { .root_fd = root_fd,
					    .threads = 1 + turn % 4,
					    .plan = turn / 4 % 2 ? &small : NULL };
	struct payload p = { .name = "the payload" };
	struct unpack_result result;
	struct fail f = { 0 };
	struct stat st;
	int r;

	must(fstat(file_fd, &st));
	must(payload_add(&p, must(fcntl(file_fd, F_DUPFD_CLOEXEC, 0)), 0, (uint64_t)st.st_size));
	r = unpack_run(&p, &how, &result, &f);
	payload_close(&p);
	if (r < 0 && (f.error != -r || !*f.what || !*f.why)) {
		errno = -r;
		scratch_die("a failure without words");
	}
	return r == 0;
}

static bool unpack_there(void)
{
	pid_t pid = must(fork());
	int status, null;

	if (pid == 0) {
		for (char **a = arg_command; *a; a++) {
			if (strcmp(*a, "FILE") == 0)
				*a = file_path;
			else if (strcmp(*a, "DIR") == 0)
				*a = dir_path;
		}
		must(chdir("/")); /* it stands in a root that is gone */
		null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		alarm(60);
		execvp(arg_command[0], arg_command);
		_exit(127);
	}
	must(waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		scratch_die(arg_command[0]);
	return status == 0;
}

/* Unpacks what file_fd holds now, which differs from file in region. */
static void try_file(enum region region)
{
	static unsigned turn;
	int root_fd;
	char *have;
	bool same;

	must(mkdirat(scratch_fd, "root", 0755));
	root_fd = must(openat(scratch_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	counts[region].tried++;
	if (arg_command ? unpack_there() : unpack_here(root_fd, turn)) {
		have = listing_text(root_fd, &options);
		same = strcmp(have, want) == 0;
		counts[region].same += same;
		counts[region].wrong += !same;
		printf("# good with %s tree: %s\n", same ? "the same" : "a wrong", now);
		if (!same)
			printf("#   %s\n", listing_difference(have, want));
		free(have);
	} else {
		counts[region].refused++;
	}
	turn++;
	close(root_fd);
	scratch_remove(scratch_fd, "root");
}

static void put_bytes(const uint8_t *bytes, size_t size, size_t at)
{
	if (pwrite(file_fd, bytes, size, (off_t)at) != (ssize_t)size)
		scratch_die("writing the payload");
}

static void flip(size_t at, uint8_t mask)
{
	uint8_t byte = file[at] ^ mask;

	snprintf(now, sizeof(now), "%s, byte %zu, %02x for %02x", region_names[region_of[at]], at,
		 byte, file[at]);
	put_bytes(&byte, 1, at);
	try_file(region_of[at]);
	put_bytes(&file[at], 1, at);
}

static void cut(size_t size)
{
	snprintf(now, sizeof(now), "cut to %zu bytes", size);
	must(ftruncate(file_fd, (off_t)size));
	try_file(CUT);
	put_bytes(file + size, file_size - size, size);
}

/* ---- the campaign ---- */

/* Every other flip takes all regions for equal, however small they are. */
static void flip_somewhere(unsigned i)
{
	uint8_t mask = (uint8_t)(1 + next_random(255));
	size_t n = 0, region;

	if (i % 2 == 0) {
		flip(next_random((uint32_t)file_size), mask);
		return;
	}
	while (n == 0) {
		region = next_random(CUT);
		n = region_start[region + 1] - region_start[region];
	}
	flip(offsets[region_start[region] + next_random((uint32_t)n)], mask);
}

/* Anywhere, near the end, or near the border of a Block or a part. */
static void cut_somewhere(unsigned i)
{
	size_t first = region_start[BLOCK_HEADER], n = region_start[PART_HEADER + 1] - first,
	       border;

	if (i % 3 == 0) {
		cut(next_random((uint32_t)file_size));
	} else if (i % 3 == 1) {
		cut(file_size - 1 - next_random(64));
	} else {
		border = offsets[first + next_random((uint32_t)n)];
		cut(border - min_u64(border, next_random(12)));
	}
}

static void on_signal(int signal)
{
	(void)!write(STDERR_FILENO, now, strlen(now));
	(void)!write(STDERR_FILENO, ": crashed or hung\n", 18);
	_exit(128 + signal);
}

static void campaign(void)
{
	/* First as it is. */
	strcpy(now, "whole");
	try_file(CUT);
	if (counts[CUT].same != 1) {
		errno = EINVAL;
		scratch_die("the payload does not become the tree");
	}
	memset(counts, 0, sizeof(counts));
	for (unsigned i = 0; i < arg_flips; i++) {
		alarm(60);
		flip_somewhere(i);
	}
	for (unsigned i = 0; i < arg_cuts; i++) {
		alarm(60);
		cut_somewhere(i);
	}
	for (size_t i = region_start[CONTROL]; arg_all && i < region_start[PROPERTIES + 1]; i++) {
		for (unsigned mask = 1; mask < 256; mask++) {
			alarm(60);
			flip(offsets[i], (uint8_t)mask);
		}
	}
}

static void read_file(const char *path)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC));
	struct stat st;

	must(fstat(fd, &st));
	file_size = (size_t)st.st_size;
	file = listing_check(malloc(file_size));
	region_of = listing_check(calloc(file_size, 1));
	offsets = listing_check(calloc(file_size, sizeof(*offsets)));
	if (read(fd, file, file_size) != (ssize_t)file_size)
		scratch_die(path);
	close(fd);
}

static void parse_args(int argc, char **argv)
{
	int c;

	state = now_usec();
	while ((c = getopt(argc, argv, "+s:f:c:x")) != -1) {
		if (c == 's')
			state = strtoull(optarg, NULL, 0);
		else if (c == 'f')
			arg_flips = (unsigned)atoi(optarg);
		else if (c == 'c')
			arg_cuts = (unsigned)atoi(optarg);
		else if (c == 'x')
			arg_all = true;
		else
			exit(2);
	}
	if (argc - optind < 3) {
		fputs("usage: campaign [-s SEED] [-f FLIPS] [-c CUTS] [-x] PAYLOAD TREE SCRATCH "
		      "[COMMAND ARGUMENT...]\n",
		      stderr);
		exit(2);
	}
	arg_command = argc - optind > 3 ? argv + optind + 3 : NULL;
}

int main(int argc, char **argv)
{
	int tree_fd;

	setlocale(LC_CTYPE, "C.UTF-8");
	parse_args(argc, argv);
	printf("# seed %llu\n", (unsigned long long)state);
	state = state * 2 + 1; /* never 0 */
	read_file(argv[optind]);
	find_regions();
	tree_fd = must(open(argv[optind + 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	scratch_fd = must(open(argv[optind + 2], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!realpath(argv[optind + 2], scratch_path))
		scratch_die(argv[optind + 2]);
	snprintf(file_path, sizeof(file_path), "%s/damaged.tar", scratch_path);
	snprintf(dir_path, sizeof(dir_path), "%s/root", scratch_path);
	file_fd = must(open(file_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	put_bytes(file, file_size, 0);
	want = listing_text(tree_fd, &options);
	for (size_t i = 0; i < 4; i++)
		signal((int[]){ SIGALRM, SIGSEGV, SIGBUS, SIGABRT }[i], on_signal);
	campaign();
	for (unsigned region = 0; region < N_REGIONS; region++)
		printf("%s\t%u\t%u\t%u\t%u\n", region_names[region], counts[region].tried,
		       counts[region].refused, counts[region].same, counts[region].wrong);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
