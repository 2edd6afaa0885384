/*
 * zstd's frames as Blocks: files of every making are read, whatever step they are read in, and no flipped bit and no cut gives
 * other data.
 */
#include <errno.h>

#include "codec/codec.h"
#include "codec/zstd_frame.h"
#include "make_zstd.h"
#include "tap.h"
#include "wrap.h"

static unsigned n_reads;

WRAP(ssize_t, LARGE(pread), (int fd, void *buf, size_t size, off_t offset))
{
	n_reads++;
	return REAL(LARGE(pread))(fd, buf, size, offset);
}

#define DATA_SIZE 300000
static uint8_t data[DATA_SIZE];

/* Decodes a Block, step bytes at a time, into out; whole: memory for all of it, or NULL. Returns 0 or -errno. */
static int decode_into(void *d, const struct block *block, uint8_t *whole, size_t step,
		       struct bytes *out, struct fail *f)
{
	static uint8_t piece[65536];
	uint64_t before = block->offset, position;
	size_t got = 0, given = 0;
	int r = codec_zstd.start(d, block, f);

	if (r < 0)
		return r;
	if (whole)
		codec_zstd.start_whole(d, whole);
	do {
		uint8_t *buf = whole ? whole + given : piece;

		r = codec_zstd.read(d, buf, step, &got, f);
		given += got;
		if (r < 0)
			return r;
		bytes_add(out, buf, got);
		position = codec_zstd.position(d);
		if (position < before || position > block->offset + block->total)
			return -EDOM;
		before = position;
	} while (r > 0);
	return 0;
}

static int decode_block(void *d, const struct block *block, size_t step, struct bytes *out,
			struct fail *f)
{
	return decode_into(d, block, NULL, step, out, f);
}

/* Where a decoder takes memory for the whole Block, that comes to the same. Of those that fail, every fourth is tried. */
static bool is_same_as_whole(void *d, const struct block_list *l, const struct block *block,
			     size_t step, int want, const uint8_t *bytes, size_t size)
{
	static unsigned failed;
	struct bytes out = { 0 };
	struct fail f;
	uint8_t *memory;
	bool same;

	if (l->whole_memory == 0 || (want < 0 && failed++ % 4 > 0))
		return true;
	memory = malloc(block->uncompressed + 1);
	if (!memory)
		scratch_die("malloc");
	same = decode_into(d, block, memory, step, &out, &f) == want &&
	       (want < 0 || out.size == size) &&
	       (want < 0 || size == 0 || memcmp(out.data, bytes, size) == 0);
	bytes_free(&out);
	free(memory);
	return same;
}

static int read_file(const struct bytes *file, size_t step, struct block_list *ret,
		     struct bytes *out, struct fail *f)
{
	struct payload p;
	void *d = NULL;
	int r;

	open_payload(file, &p);
	*ret = (struct block_list){ 0 };
	r = block_list_read(&p, ret, f);
	if (r == 0)
		r = codec_zstd.decoder_new(&p, ret, &d);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		size_t before = out->size;

		r = decode_block(d, &ret->blocks[i], step, out, f);
		if (!is_same_as_whole(d, ret, &ret->blocks[i], step, r, out->data + before,
				      out->size - before))
			r = -EDOM;
	}
	codec_zstd.decoder_free(d);
	block_list_free(ret);
	payload_close(&p);
	return r;
}

/* ---- good files ---- */

static const struct {
	const char *name;
	struct zstd_recipe recipe;
	size_t n;
	uint64_t unsized, unchecked;
} good[] = {
	{ "one frame", { .level = 3 }, 1, 0, 0 },
	{ "frames", { .level = 3, .every = 70000 }, 5, 0, 0 },
	{ "level 19", { .level = 19, .every = 150000 }, 2, 0, 0 },
	{ "no sizes", { .level = 1, .every = 100000, .no_size = true }, 3, 3, 0 },
	{ "no checksums", { .level = 1, .every = 100000, .no_checksum = true }, 3, 0, 3 },
	{ "neither", { .level = 1, .no_size = true, .no_checksum = true }, 1, 1, 1 },
	{ "a window that is small", { .level = 1, .window = 10 }, 1, 0, 0 },
	{ "a window that is large", { .level = 1, .window = 25, .no_size = true }, 1, 1, 0 },
	{ "skippable frames", { .level = 1, .every = 100000, .skippable = 300 }, 3, 0, 0 },
	{ "empty frames", { .level = 1, .every = 150000, .empty = true }, 4, 0, 0 },
	{ "a seek table", { .level = 1, .every = 70000, .table = true }, 5, 0, 0 },
	{ "a seek table, which alone knows sizes",
	  { .level = 1, .every = 70000, .no_size = true, .table = true, .sums = true },
	  5,
	  0,
	  0 },
	{ "a seek table, which alone has checksums",
	  { .level = 1,
	    .every = 70000,
	    .no_size = true,
	    .no_checksum = true,
	    .table = true,
	    .sums = true },
	  5,
	  0,
	  0 },
	{ "a seek table without any",
	  { .level = 1, .every = 70000, .no_size = true, .no_checksum = true, .table = true },
	  5,
	  0,
	  5 },
	{ "a seek table of skippable and empty frames, too",
	  { .level = 1,
	    .every = 70000,
	    .no_size = true,
	    .skippable = 9,
	    .empty = true,
	    .table = true },
	  10,
	  0,
	  0 },
	{ "fast", { .level = -5, .every = 300 }, 1000, 0, 0 },
};

static void check_list(size_t i, const struct bytes *file)
{
	struct block_list l;
	struct payload p;
	struct fail f;
	uint64_t sum = 0;

	open_payload(file, &p);
	must(block_list_read(&p, &l, &f));
	is_int((long long)l.n, (long long)good[i].n, "%s: frames", good[i].name);
	is_int((long long)l.unsized, (long long)good[i].unsized, "of them without a size");
	is_int((long long)l.unchecked, (long long)good[i].unchecked, "of them without a checksum");
	for (size_t k = 0; k < l.n; k++)
		sum += l.blocks[k].uncompressed;
	ok(good[i].unsized ? sum >= DATA_SIZE && sum < 3 * DATA_SIZE : sum == DATA_SIZE,
	   "their sizes: %llu", (unsigned long long)sum);
	block_list_free(&l);
	payload_close(&p);
}

static void test_good(void)
{
	static const size_t steps[] = { 1, 7, 1000, 65536 };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct bytes file = { 0 };

		add_zstd(&file, &good[i].recipe, data, DATA_SIZE);
		check_list(i, &file);
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
			struct bytes out = { 0 };
			struct block_list l;
			struct fail f = { 0 };
			int r = read_file(&file, steps[k], &l, &out, &f);

			ok(r == 0 && out.size == DATA_SIZE &&
				   memcmp(out.data, data, DATA_SIZE) == 0,
			   "%s, %zu bytes at a time: %s", good[i].name, steps[k],
			   r < 0 ? f.why : "");
			bytes_free(&out);
		}
		bytes_free(&file);
	}
}

/* ---- damage ---- */

#define SMALL 500

/* Whatever is wrong: an error, or the same data. */
static bool is_harmless(const struct bytes *file, bool *ret_refused)
{
	struct bytes out = { 0 };
	struct block_list l;
	struct fail f = { 0 };
	int r = read_file(file, 4096, &l, &out, &f);
	bool same = out.size == SMALL && memcmp(out.data, data, SMALL) == 0;

	*ret_refused = r < 0;
	bytes_free(&out);
	return r < 0 ? f.error == -r && *f.why : same;
}

static void test_damage(void)
{
	static const struct zstd_recipe recipes[] = {
		{ .level = 3, .every = 200 },
		{ .level = 3, .no_size = true },
		{ .level = 1, .every = 300, .skippable = 5 },
		{ .level = 1, .every = 200, .no_size = true, .table = true },
		{ .level = 1, .every = 200, .no_checksum = true, .table = true, .sums = true }
	};

	for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
		struct bytes file = { 0 };
		size_t wrong = 0, refused = 0, size;
		bool is_refused;

		add_zstd(&file, &recipes[i], data, SMALL);
		for (size_t bit = 0; bit < file.size * 8; bit++) {
			file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			wrong += !is_harmless(&file, &is_refused);
			refused += is_refused;
			file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		ok(wrong == 0 && refused > file.size * 6,
		   "recipe %zu: of %zu flipped bits %zu are refused, and %zu give other data", i,
		   file.size * 8, refused, wrong);
		size = file.size;
		for (wrong = 0; file.size > 0;
		     wrong += is_harmless(&file, &is_refused) && !is_refused)
			file.size--;
		ok(wrong <= (recipes[i].skippable > 0 || recipes[i].table),
		   "no cut is taken but for the frame that holds nothing: %zu", wrong);
		file.size = size;
		bytes_free(&file);
	}
}

/* ---- refused ---- */

static const struct {
	const char *name;
	uint8_t bytes[32];
	size_t size;
	int error;
	const char *why;
} refused[] = {
	{ "a dictionary", "\x28\xb5\x2f\xfd\x21\x07\x03\x19\0\0abc", 13, ENOTSUP,
	  "the frame at byte 0 needs dictionary 7" },
	{ "a window of 4 GiB", "\x28\xb5\x2f\xfd\x00\xb0\x01\0\0", 9, ENOTSUP,
	  "the frame at byte 0 has a window of 4.00 GiB, more than can be decoded" },
	{ "a window above 2 GiB", "\x28\xb5\x2f\xfd\x00\xa9\x01\0\0", 9, ENOTSUP,
	  "the frame at byte 0 has a window of 2.25 GiB, more than can be decoded" },
	{ "one segment of 2^63 bytes", "\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x80\x01\0\0", 16,
	  ENOTSUP,
	  "the frame at byte 0 has a window of 8589934592.00 GiB, more than can be decoded" },
	{ "a reserved bit", "\x28\xb5\x2f\xfd\x28\x03\x19\0\0abc", 12, ENOTSUP,
	  "the frame at byte 0 is of a format that this version does not support" },
	{ "zstd 0.7", "\x27\xb5\x2f\xfd\x20\x03\x19\0\0abc", 12, ENOTSUP,
	  "the frame at byte 0 is of a format that this version does not support" },
	{ "a compressed part of nothing", "\x28\xb5\x2f\xfd\x20\0\x05\0\0", 9, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "a reserved part", "\x28\xb5\x2f\xfd\x20\x03\x1f\0\0abc", 12, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "a part larger than all", "\x28\xb5\x2f\xfd\x20\x03\x21\0\0abcd", 13, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "more than its parts can hold", "\x28\xb5\x2f\xfd\x20\x04\x19\0\0abc", 12, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "a magic alone", "\x28\xb5\x2f\xfd", 4, EBADMSG, "the frame at byte 0 is cut short" },
	{ "a last part that is not marked so", "\x28\xb5\x2f\xfd\x20\x03\x18\0\0abc", 12, EBADMSG,
	  "the frame at byte 0 is cut short" },
	{ "another frame where a part should be",
	  "\x28\xb5\x2f\xfd\x20\x03\x18\0\0abc\x28\xb5\x2f\xfd\x20\x03\x19\0\0abc", 24, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "a checksum that is cut", "\x28\xb5\x2f\xfd\x24\x03\x19\0\0abc\1\2\3", 15, EBADMSG,
	  "the frame at byte 0 is cut short" },
	{ "zstd 0.1", "\x1e\xb5\x2f\xfd\x20\x03\x19\0\0abc", 12, ENOTSUP,
	  "the frame at byte 0 is of a format that this version does not support" },
	{ "less than a magic behind it", "\x28\xb5\x2f\xfd\x20\x03\x19\0\0abc\x28\xb5\x2f", 15,
	  EBADMSG, "other data follows its last frame, at byte 12" },
	{ "a skippable frame that is cut", "\x50\x2a\x4d\x18\x09\0\0\0abc", 11, EBADMSG,
	  "the frame at byte 0 is cut short" },
	{ "something behind it", "\x28\xb5\x2f\xfd\x20\x03\x19\0\0abcd", 13, EBADMSG,
	  "other data follows its last frame, at byte 12" },
};

static void test_refused(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct bytes file = { 0 }, out = { 0 };
		struct block_list l;
		struct fail f = { 0 };

		bytes_add(&file, refused[i].bytes, refused[i].size);
		is_int(read_file(&file, 100, &l, &out, &f), -refused[i].error, "%s is refused",
		       refused[i].name);
		is_str(f.why, refused[i].why, "why");
		ok(*f.todo, "and what to do");
		bytes_free(&file);
		bytes_free(&out);
	}
}

/* ---- headers that lie ---- */

#define LIES 60000 /* in one part, which is compressed */

/* One frame of LIES bytes whose header says so many, in 4 or 8 bytes. */
static void make_liar(struct bytes *file, uint64_t says, bool is_long)
{
	const struct zstd_recipe recipe = { .level = 3, .no_size = true };
	static uint8_t text[LIES];
	uint8_t size[8];

	for (size_t i = 0; i < LIES; i++)
		text[i] = (uint8_t)(i / 7);
	add_zstd_frame(file, &recipe, text, LIES);
	for (size_t i = 0; i < sizeof(size); i++)
		size[i] = (uint8_t)(says >> 8 * i);
	file->data[4] |= is_long ? 0xc0 : 0x80;
	bytes_add(file, size, is_long ? 8 : 4);
	memmove(file->data + 6 + (is_long ? 8 : 4), file->data + 6,
		file->size - 6 - (is_long ? 8 : 4));
	memcpy(file->data + 6, size, is_long ? 8 : 4);
}

static const struct {
	uint64_t says;
	bool is_long;
	const char *why; /* NULL: it is right */
} liars[] = {
	{ LIES, false, NULL },
	{ LIES, true, NULL },
	{ LIES - 1, false, "Block 1 (byte 0) is damaged" },
	{ LIES + 1, false, "Block 1 (byte 0) is damaged" },
	{ 0, false, "Block 1 (byte 0) is damaged" },
	{ ZSTD_PART_MAX, true, "Block 1 (byte 0) is damaged" },
	{ ZSTD_PART_MAX + 1, true, "the frame at byte 0 is damaged" },
	{ 1ULL << 63, true, "the frame at byte 0 is damaged" },
	{ UINT64_MAX, true, "the frame at byte 0 is damaged" },
};

static void test_liars(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(liars); i++) {
		struct bytes file = { 0 }, out = { 0 };
		struct block_list l;
		struct fail f = { 0 };

		make_liar(&file, liars[i].says, liars[i].is_long);
		is_int(read_file(&file, 4096, &l, &out, &f), liars[i].why ? -EBADMSG : 0,
		       "a header that says %llu bytes", (unsigned long long)liars[i].says);
		is_str(f.why, liars[i].why ? liars[i].why : "", "why");
		bytes_free(&file);
		bytes_free(&out);
	}
}

/* ---- limits of the list ---- */

static int list_file(const struct bytes *file, struct block_list *ret, struct fail *f)
{
	struct payload p;
	int r;

	open_payload(file, &p);
	*f = (struct fail){ 0 };
	r = block_list_read(&p, ret, f);
	payload_close(&p);
	return r;
}

static void test_many_frames(void)
{
	struct bytes file = { 0 };
	struct block_list l;
	struct fail f;

	for (size_t i = 0; i < BLOCKS_MAX; i++)
		bytes_add(&file, "\x28\xb5\x2f\xfd\x20\0\x01\0\0", 9);
	ok(list_file(&file, &l, &f) == 0 && l.n == BLOCKS_MAX && l.uncompressed == 0,
	   "as many frames as may be");
	block_list_free(&l);
	add_zstd_skippable(&file, 3);
	ok(list_file(&file, &l, &f) == 0 && l.n == BLOCKS_MAX, "one that is skipped is none");
	block_list_free(&l);
	bytes_add(&file, "\x28\xb5\x2f\xfd\x20\0\x01\0\0", 9);
	is_int(list_file(&file, &l, &f), -E2BIG, "one more");
	is_str(f.why, "it has more than 262144 frames", "why");
	is_str(f.todo, "Compress it in larger frames.", "what to do");
	bytes_free(&file);
}

/* What is planned for does not depend on what the file is like. */
static void test_large_frames(void)
{
	static const uint8_t part[] = { 0x02, 0x00, 0x10, 'x' }, last[] = { 0x03, 0x00, 0x10, 'x' };
	struct bytes file = { 0 };
	struct block_list l;
	struct fail f;

	/* 1 GiB in one segment, of 8192 parts that repeat a byte. */
	bytes_add(&file, "\x28\xb5\x2f\xfd\xa0\0\0\0\x40", 9);
	for (size_t i = 1; i < 8192; i++)
		bytes_add(&file, part, sizeof(part));
	bytes_add(&file, last, sizeof(last));
	must(list_file(&file, &l, &f));
	ok(l.n == 1 && l.uncompressed == 1U << 30 && l.largest == 1U << 30, "a frame of 1 GiB");
	ok(l.decoder_memory > 1U << 30 && l.decoder_memory < (1U << 30) + (1U << 20),
	   "whose window is all of it: %llu bytes", (unsigned long long)l.decoder_memory);
	block_list_free(&l);
	bytes_free(&file);

	bytes_add(&file, "\x28\xb5\x2f\xfd\x00\xa8\x01\0\0", 9);
	must(list_file(&file, &l, &f));
	ok(l.decoder_memory > 1ULL << 31 && l.decoder_memory < (1ULL << 31) + (1U << 20),
	   "the largest window that libzstd decodes: %llu bytes",
	   (unsigned long long)l.decoder_memory);
	block_list_free(&l);
	bytes_free(&file);
}

static void test_nothing(void)
{
	struct bytes file = { 0 };
	struct block_list l;
	struct fail f;

	add_zstd_skippable(&file, 0);
	add_zstd_skippable(&file, 1000);
	ok(list_file(&file, &l, &f) == 0 && l.n == 0 && l.uncompressed == 0,
	   "frames that are skipped alone are no Blocks");
	block_list_free(&l);
	bytes_free(&file);
}

/* A file that was copied only in part, on a file system that keeps zeros for the rest. */
static void test_zeros(void)
{
	enum { SIZE = 4 << 20 };
	struct bytes file = { 0 };
	uint8_t *zeros = calloc(1, SIZE);
	struct block_list l;
	struct fail f;

	bytes_add(&file, "\x28\xb5\x2f\xfd\x00\x58", 6);
	bytes_add(&file, zeros, SIZE);
	n_reads = 0;
	is_int(list_file(&file, &l, &f), -EBADMSG, "a header with zeros behind it");
	is_str(f.why, "the frame at byte 0 is cut short", "why");
	ok(n_reads > 0 && n_reads < SIZE / 512, "and that in %u reads", n_reads);
	free(zeros);
	bytes_free(&file);
}

/* ---- the seek table ---- */

#define TABLE_OF(n) (8 + 8 * (n) + 9) /* bytes */

/* Where the table of that file starts, for a message. */
static const char *no_match(uint64_t at)
{
	static char why[100];

	snprintf(why, sizeof(why), "its seek table does not match its frames (byte %llu)",
		 (unsigned long long)at);
	return why;
}

static void make_tabled(struct bytes *file, size_t every)
{
	const struct zstd_recipe recipe = {
		.level = 19, .every = every, .no_size = true, .table = true
	};

	file->size = 0;
	add_zstd(file, &recipe, data, 3 * every);
}

static void check_tabled(const struct bytes *file, const char *why, uint64_t unsized,
			 const char *what)
{
	struct block_list l;
	struct fail f;
	int r = list_file(file, &l, &f);

	is_int(r, *why ? -EBADMSG : 0, "%s", what);
	is_str(f.why, why, "why");
	if (r == 0)
		is_int((long long)l.unsized, (long long)unsized, "frames whose size is not known");
	block_list_free(&l);
}

/* Each number in a table of three frames without a size, one too large or small, or all at once. */
static void test_wrong_table(void)
{
	struct bytes file = { 0 };
	size_t start;
	uint8_t *table;

	make_tabled(&file, 100);
	check_tabled(&file, "", 0, "a table that is right");
	start = file.size - TABLE_OF(3);
	table = file.data + start;

	table[8 + 8]++;
	check_tabled(&file, no_match(start), 0, "more bytes than the file has, by one");
	make_tabled(&file, 100);
	table = file.data + start;
	table[8]--;
	table[16]++;
	check_tabled(&file, no_match(0), 0, "borders elsewhere");
	make_tabled(&file, 100);
	table = file.data + start;
	table[8 + 4 + 2] = 2; /* 128 KiB and more: a frame of one part has less */
	check_tabled(&file, no_match(0), 0, "more than the frame can hold");
	make_tabled(&file, 100);
	table = file.data + start;
	table[8 + 3] = 0x7f;
	check_tabled(&file, no_match(start), 0, "more bytes than the file has");
	make_tabled(&file, 100);
	table = file.data + start;
	table[file.size - start - 9]++;
	check_tabled(&file, no_match(start), 0, "another number of zstd_entries");
	make_tabled(&file, 100);
	file.data[file.size - 5] |= 0x80;
	check_tabled(&file, no_match(start), 0, "zstd_entries with a checksum, which are smaller");
	bytes_free(&file);
}

/* Skippable frames as any other. */
static void test_no_table(void)
{
	struct bytes file = { 0 };

	make_tabled(&file, 100);
	file.data[file.size - 5] |= 0x04;
	check_tabled(&file, "", 3, "a table of a later format is none");
	make_tabled(&file, 100);
	file.data[file.size - 5] |= 0x03;
	check_tabled(&file, "", 0, "bits that say nothing");
	make_tabled(&file, 100);
	file.data[file.size - TABLE_OF(3)] = 0x50;
	check_tabled(&file, "", 3, "of another variety");
	make_tabled(&file, 100);
	file.data[file.size - 1] ^= 1;
	check_tabled(&file, "", 3, "with another magic");
	make_tabled(&file, 100);
	add_zstd_skippable(&file, 8);
	check_tabled(&file, "", 3,
		     "a table that is not the last frame, and a frame without room for one");
	bytes_free(&file);
}

/* As `cat a.zst b.zst` makes it. */
static void test_joined_tables(void)
{
	struct bytes one = { 0 }, two = { 0 };

	make_tabled(&one, 100);
	make_tabled(&two, 100);
	bytes_add(&one, two.data, two.size);
	check_tabled(&one, "", 3, "two files with a table each: that of the second is used");
	bytes_free(&one);
	bytes_free(&two);
}

/* A frame that has another size than the table says is damaged, whichever is wrong. */
static void test_lying_table(void)
{
	static const int lies[] = { -10000, -1, 1, 1000 };
	struct bytes file = { 0 }, out = { 0 };
	struct block_list l;
	struct fail f;
	char why[100];

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		uint32_t says = (uint32_t)(10000 + lies[i]);

		make_tabled(&file, 10000);
		snprintf(why, sizeof(why), "Block 2 (byte %u) is damaged", zstd_entries[0][0]);
		file.data[file.size - TABLE_OF(3) + 8 + 8 + 4] = (uint8_t)says;
		file.data[file.size - TABLE_OF(3) + 8 + 8 + 5] = (uint8_t)(says >> 8);
		out.size = 0;
		f = (struct fail){ 0 };
		is_int(read_file(&file, 777, &l, &out, &f), -EBADMSG,
		       "a table that says %u of 10000", says);
		is_str(f.why, why, "why");
		ok(out.size <= 10000 + says && memcmp(out.data, data, out.size) == 0,
		   "nothing was read beyond that: %zu", out.size);
	}
	bytes_free(&file);
	bytes_free(&out);
}

/* The only checksum of the second of three frames, which is wrong: no other frame suffers, with the same decoder. */
static void test_wrong_sum(void)
{
	static const struct zstd_recipe recipe = {
		.level = 1, .every = 1000, .no_checksum = true, .table = true, .sums = true
	};
	struct bytes file = { 0 }, out = { 0 };
	struct block_list l;
	struct payload p;
	struct fail f = { 0 };
	char why[100];
	void *d;

	add_zstd(&file, &recipe, data, 3000);
	file.data[file.size - 9 - 12 - 1] ^= 1;
	snprintf(why, sizeof(why), "Block 2 (byte %u) is damaged", zstd_entries[0][0]);
	open_payload(&file, &p);
	must(block_list_read(&p, &l, &f));
	must(codec_zstd.decoder_new(&p, &l, &d));
	is_int(decode_block(d, &l.blocks[1], 300, &out, &f), -EBADMSG, "a wrong checksum");
	is_str(f.why, why, "why");
	out.size = 0;
	ok(decode_block(d, &l.blocks[0], 300, &out, &f) == 0 &&
		   decode_block(d, &l.blocks[2], 300, &out, &f) == 0 && out.size == 2000 &&
		   memcmp(out.data + 1000, data + 2000, 1000) == 0,
	   "the other frames are whole");
	codec_zstd.decoder_free(d);
	block_list_free(&l);
	payload_close(&p);
	bytes_free(&file);
	bytes_free(&out);
}

/* ---- a list of which only the sizes are known ---- */

/* As a manifest gives it. from: what the file's own says. */
static void make_known(const struct block_list *from, struct block_list *ret)
{
	struct block *blocks = calloc(from->n, sizeof(*blocks));

	if (!blocks)
		scratch_die("calloc");
	for (size_t i = 0; i < from->n; i++)
		blocks[i] = (struct block){ .offset = from->blocks[i].offset,
					    .total = from->blocks[i].total,
					    .uncompressed = from->blocks[i].uncompressed,
					    .memory = from->blocks[i].memory };
	must(block_list_known("a.tar.zst", blocks, from->n, ret));
	free(blocks);
}

/* more: bytes that the list has too many in each Block. Where all is well, the data. */
static int read_known(const struct bytes *file, int more, size_t step, struct bytes *out,
		      struct fail *f)
{
	struct block_list own, l;
	struct payload p;
	void *d;
	int r = 0;

	open_payload(file, &p);
	must(block_list_read(&p, &own, f));
	for (size_t i = 0; i < own.n; i++)
		own.blocks[i].uncompressed += (uint64_t)more;
	make_known(&own, &l);
	must(codec_zstd.decoder_new(&p, &l, &d));
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		size_t before = out->size;

		r = decode_block(d, &l.blocks[i], step, out, f);
		if (!is_same_as_whole(d, &l, &l.blocks[i], step, r, out->data + before,
				      out->size - before))
			r = -EDOM;
	}
	codec_zstd.decoder_free(d);
	block_list_free(&l);
	block_list_free(&own);
	payload_close(&p);
	return r;
}

/* Of data that compresses, and of frames some of which do not say their sizes. */
static void test_known(void)
{
	static const size_t steps[] = { 1, 1000, 65536 };
	static const struct zstd_recipe sized = { .level = 1, .every = 100000 };
	static const struct zstd_recipe unsized = { .level = 1, .every = 100000, .no_size = true };
	struct bytes file = { 0 }, out = { 0 };
	struct fail f = { 0 };

	add_zstd(&file, &unsized, data, DATA_SIZE / 2);
	add_zstd(&file, &sized, data + DATA_SIZE / 2, DATA_SIZE / 2);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		out.size = 0;
		is_int(read_known(&file, 0, steps[i], &out, &f), 0,
		       "a list by a manifest, %zu bytes at a time", steps[i]);
		ok(out.size == DATA_SIZE && memcmp(out.data, data, DATA_SIZE) == 0, "the data");
	}
	file.size = 0;
	add_zstd(&file, &sized, data, DATA_SIZE);
	is_int(read_known(&file, 1, 1000, &out, &f), -EBADMSG,
	       "a frame that says another size than the manifest");
	is_str(f.why, "Block 1 (byte 0) is damaged", "why");
	file.size = 0;
	add_zstd(&file, &unsized, data, DATA_SIZE);
	is_int(read_known(&file, -90000, 1000, &out, &f), -EBADMSG,
	       "one that says none, and has more");
	bytes_free(&file);
	bytes_free(&out);
}

/* ---- one decoder ---- */

/* What it meets in one Block does not matter for the next. */
static void test_decoder_again(void)
{
	static const struct zstd_recipe recipe = { .level = 1, .every = 100000 };
	static uint8_t buf[1000];
	char why[100];
	struct bytes file = { 0 }, out = { 0 };
	struct block_list l;
	struct payload p;
	struct fail f = { 0 };
	size_t got;
	void *d;

	add_zstd(&file, &recipe, data, DATA_SIZE);
	open_payload(&file, &p);
	must(block_list_read(&p, &l, &f));
	payload_close(&p);
	file.data[l.blocks[1].offset + l.blocks[1].total / 2] ^= 0x10;
	open_payload(&file, &p);
	snprintf(why, sizeof(why), "Block 2 (byte %llu) is damaged",
		 (unsigned long long)l.blocks[1].offset);
	must(codec_zstd.decoder_new(&p, &l, &d));
	for (size_t i = 0; i < 3; i++) {
		out.size = 0;
		is_int(decode_block(d, &l.blocks[1], 4096, &out, &f), -EBADMSG, "a damaged Block");
		is_str(f.why, why, "is named");
		out.size = 0;
		ok(decode_block(d, &l.blocks[i & 2], 4096, &out, &f) == 0 && out.size == 100000 &&
			   memcmp(out.data, data + (i & 2) * 100000, 100000) == 0,
		   "the next one is whole with the same decoder");
		must(codec_zstd.start(d, &l.blocks[0], &f));
		is_int(codec_zstd.read(d, buf, sizeof(buf), &got, &f), 1, "and one is left");
	}
	codec_zstd.decoder_free(d);
	block_list_free(&l);
	payload_close(&p);
	bytes_free(&file);
	bytes_free(&out);
}

/* The one above that is right. */
static void test_least(void)
{
	struct bytes file = { 0 }, out = { 0 };
	struct block_list l;
	struct fail f = { 0 };

	bytes_add(&file, "\x28\xb5\x2f\xfd\x20\x03\x19\0\0abc", 12);
	ok(read_file(&file, 100, &l, &out, &f) == 0 && out.size == 3 &&
		   memcmp(out.data, "abc", 3) == 0,
	   "the same without any of that is read");
	bytes_free(&file);
	bytes_free(&out);
}

int main(void)
{
	fill_pattern(data, sizeof(data));
	test_good();
	test_damage();
	test_refused();
	test_least();
	test_liars();
	test_many_frames();
	test_large_frames();
	test_nothing();
	test_zeros();
	test_wrong_table();
	test_no_table();
	test_joined_tables();
	test_lying_table();
	test_wrong_sum();
	test_known();
	test_decoder_again();
	return done_testing();
}
