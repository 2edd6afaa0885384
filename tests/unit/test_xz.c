/*
 * xz containers and Blocks: files of every making are read, and no flipped bit, no cut and no false
 * Index goes unnoticed.
 */
#include "codec/codec.h"

#include <errno.h>

#include "make_xz.h"
#include "tap.h"

#define DATA_SIZE 3000
static uint8_t data[DATA_SIZE];

/* ---- reading all of a file ---- */

/* Decodes every Block, step bytes at a time, into out. Returns 0 or -errno. */
static int decode_all(const struct payload *p, const struct block_list *l, size_t step,
		      struct bytes *out, struct fail *f)
{
	const struct block *block;
	uint8_t buf[4096];
	uint64_t before;
	size_t got = 0;
	void *d;
	int r = codec_xz.decoder_new(p, l, &d);

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		block = &l->blocks[i];
		r = codec_xz.start(d, block, f);
		before = block->offset;
		while (r == 0) {
			r = codec_xz.read(d, buf, step, &got, f);
			if (r < 0)
				break;
			bytes_add(out, buf, got);
			if (codec_xz.position(d) < before ||
			    codec_xz.position(d) > block->offset + block->total) {
				ok(false, "the decoder knows where it stands");
				r = -EDOM;
			}
			before = codec_xz.position(d);
			if (r == 0)
				break;
			r = 0;
		}
	}
	codec_xz.decoder_free(d);
	return r;
}

static int read_payload(const struct payload *p, size_t step, struct bytes *out, struct fail *f)
{
	struct block_list l;
	int r = block_list_read(p, &l, f);

	if (r < 0)
		return r;
	r = decode_all(p, &l, step, out, f);
	block_list_free(&l);
	return r;
}

static int read_bytes(const struct bytes *file, struct bytes *out, struct fail *f)
{
	struct payload p;
	int r;

	open_payload(file, &p);
	r = read_payload(&p, 4096, out, f);
	payload_close(&p);
	return r;
}

static bool is_data(const struct bytes *b, size_t times)
{
	if (b->size != times * DATA_SIZE)
		return false;
	for (size_t i = 0; i < times; i++)
		if (memcmp(b->data + i * DATA_SIZE, data, DATA_SIZE) != 0)
			return false;
	return true;
}

/* ---- good files ---- */

static const struct {
	const char *name;
	struct xz_recipe streams[3];
	size_t n_streams, n_blocks;
	uint64_t largest;
} good[] = {
	{ "one Block", { { .n_blocks = 1, .check = LZMA_CHECK_CRC64 } }, 1, 1, DATA_SIZE },
	{ "three Blocks",
	  { { .n_blocks = 3, .blocks = { 1000, 1000 }, .check = LZMA_CHECK_CRC64 } },
	  1,
	  3,
	  1000 },
	{ "Blocks without sizes in their headers",
	  { { .n_blocks = 3, .blocks = { 1, 2998 }, .no_sizes = true, .check = LZMA_CHECK_CRC64 } },
	  1,
	  3,
	  2998 },
	{ "CRC32",
	  { { .n_blocks = 2, .blocks = { 1500 }, .check = LZMA_CHECK_CRC32 } },
	  1,
	  2,
	  1500 },
	{ "SHA-256",
	  { { .n_blocks = 2, .blocks = { 1500 }, .check = LZMA_CHECK_SHA256 } },
	  1,
	  2,
	  1500 },
	{ "no check",
	  { { .n_blocks = 2, .blocks = { 1500 }, .check = LZMA_CHECK_NONE } },
	  1,
	  2,
	  1500 },
	{ "an empty Block between others",
	  { { .n_blocks = 3, .blocks = { 2000, 0 }, .check = LZMA_CHECK_CRC32 } },
	  1,
	  3,
	  2000 },
	{ "an empty Block at the end",
	  { { .n_blocks = 2, .blocks = { DATA_SIZE }, .check = LZMA_CHECK_CRC32 } },
	  1,
	  2,
	  DATA_SIZE },
	{ "two streams of different checks",
	  { { .n_blocks = 2, .blocks = { 10 }, .check = LZMA_CHECK_CRC64 },
	    { .n_blocks = 1, .check = LZMA_CHECK_SHA256, .no_sizes = true } },
	  2,
	  3,
	  DATA_SIZE },
	{ "three streams with padding between them",
	  { { .n_blocks = 1, .check = LZMA_CHECK_CRC64, .padding = 4 },
	    { .n_blocks = 1, .check = LZMA_CHECK_CRC64, .padding = 64 },
	    { .n_blocks = 1, .check = LZMA_CHECK_CRC64 } },
	  3,
	  3,
	  DATA_SIZE },
	{ "padding at the end",
	  { { .n_blocks = 1, .check = LZMA_CHECK_CRC64, .padding = 12 } },
	  1,
	  1,
	  DATA_SIZE },
};

static void build(struct bytes *file, const struct xz_recipe *streams, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_stream(file, &streams[i], data, DATA_SIZE);
}

static void test_good(void)
{
	static const size_t steps[] = { 4096, 7, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct bytes file = { 0 };
		struct block_list l;
		struct payload p;
		struct fail f;

		build(&file, good[i].streams, good[i].n_streams);
		open_payload(&file, &p);
		if (!is_int(block_list_read(&p, &l, &f), 0, "opened: %s", good[i].name))
			continue;
		ok(l.streams == good[i].n_streams && l.n == good[i].n_blocks &&
			   l.uncompressed == good[i].n_streams * DATA_SIZE &&
			   l.largest == good[i].largest,
		   "its numbers");
		ok(l.decoder_memory > 256 << 10 && l.decoder_memory < 1 << 20,
		   "and the memory of a decoder");
		block_list_free(&l);
		for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
			struct bytes out = { 0 };

			is_int(read_payload(&p, steps[s], &out, &f), 0, "decoded by %zu bytes",
			       steps[s]);
			ok(is_data(&out, good[i].n_streams), "what came out is right");
			bytes_free(&out);
		}
		payload_close(&p);
		bytes_free(&file);
	}
}

static void test_empty_streams(void)
{
	const struct xz_recipe empty = { .check = LZMA_CHECK_CRC64, .padding = 8 };
	const struct xz_recipe full = { .n_blocks = 1, .check = LZMA_CHECK_CRC64 };
	struct bytes file = { 0 }, out = { 0 };
	struct fail f;

	add_stream(&file, &empty, data, 0);
	is_int(read_bytes(&file, &out, &f), 0, "a stream without Blocks");
	is_int((long long)out.size, 0, "holds nothing");
	add_stream(&file, &full, data, DATA_SIZE);
	add_stream(&file, &empty, data, 0);
	is_int(read_bytes(&file, &out, &f), 0, "such streams around a full one");
	ok(is_data(&out, 1), "do no harm");
	bytes_free(&file);
	bytes_free(&out);
}

static void test_block_list(void)
{
	const struct xz_recipe recipe = { .n_blocks = 3,
					  .blocks = { 100, 200 },
					  .check = LZMA_CHECK_CRC32 };
	struct bytes file = { 0 };
	uint64_t expected = LZMA_STREAM_HEADER_SIZE, sizes = 0;
	const struct block *b;
	struct block_list l;
	struct payload p;
	struct fail f;
	unsigned n = 0;
	bool good_list = true, found = true;

	add_stream(&file, &recipe, data, DATA_SIZE);
	open_payload(&file, &p);
	must(block_list_read(&p, &l, &f));
	for (b = l.blocks; b < l.blocks + l.n; b++) {
		good_list = good_list && b->number == ++n && b->offset == expected &&
			    b->total % 4 == 0 && b->start == sizes;
		found = found && block_list_find(&l, sizes) == b &&
			block_list_find(&l, sizes + b->uncompressed - 1) == b;
		expected += b->total;
		sizes += b->uncompressed;
	}
	ok(good_list && n == 3 && sizes == DATA_SIZE, "Blocks are listed in order, without gaps");
	ok(found && !block_list_find(&l, sizes), "and found by what they hold");
	block_list_free(&l);
	payload_close(&p);
	bytes_free(&file);
}

/* A payload in parts: headers and numbers may lie across any border. */
static void test_parts(void)
{
	const struct xz_recipe recipe = { .n_blocks = 3,
					  .blocks = { 20, 1000 },
					  .check = LZMA_CHECK_SHA256 };
	struct bytes file = { 0 };
	struct fail f;
	int wrong = 0;

	add_stream(&file, &recipe, data, DATA_SIZE);
	for (size_t at = 1; at < file.size; at += 1 + (at > 200 && at + 200 < file.size) * 60) {
		struct payload p = { 0 };
		struct bytes out = { 0 };

		must(payload_add(&p, data_file(file.data, at), 0, at));
		must(payload_add(&p, data_file(file.data, file.size), at, file.size - at));
		wrong += read_payload(&p, 4096, &out, &f) != 0 || !is_data(&out, 1);
		payload_close(&p);
		bytes_free(&out);
	}
	is_int(wrong, 0, "cut into two parts anywhere, it is the same");
	bytes_free(&file);
}

/* ---- bad files ---- */

/* The file must be refused, with a text. */
static void refuse(const struct bytes *file, int error, const char *what)
{
	struct fail f = { 0 };
	struct bytes out = { 0 };
	int r = read_bytes(file, &out, &f);

	if (ok(r < 0 && f.error == -r && *f.what && *f.why, "refused: %s: %s", what, f.why) &&
	    error)
		is_int(-r, error, "for the right reason");
	bytes_free(&out);
}

/* Every single bit. A flip that no one notices may only be one that changes nothing. */
static void test_flips(void)
{
	const struct xz_recipe recipe = { .n_blocks = 3,
					  .blocks = { 100, 200 },
					  .check = LZMA_CHECK_CRC64 };
	struct bytes file = { 0 };
	unsigned changed = 0, silent = 0, no_text = 0;

	add_stream(&file, &recipe, data, 400);
	for (size_t bit = 0; bit < file.size * 8; bit++) {
		struct fail f = { 0 };
		struct bytes out = { 0 };
		int r;

		file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = read_bytes(&file, &out, &f);
		file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (r == 0)
			(out.size == 400 && memcmp(out.data, data, 400) == 0) ? silent++
									      : changed++;
		else
			no_text += !*f.what || !*f.why;
		bytes_free(&out);
	}
	is_int(changed, 0, "no flipped bit of %zu changes what comes out", file.size * 8);
	is_int(silent, 0, "none goes unnoticed");
	is_int(no_text, 0, "every failure says what and why");
	bytes_free(&file);
}

static void test_cuts(void)
{
	const struct xz_recipe recipe = { .n_blocks = 3,
					  .blocks = { 100, 200 },
					  .check = LZMA_CHECK_CRC64 };
	struct bytes file = { 0 }, cut;
	unsigned accepted = 0;

	add_stream(&file, &recipe, data, 400);
	cut = file;
	for (cut.size = 0; cut.size < file.size; cut.size++) {
		struct bytes out = { 0 };
		struct fail f;

		accepted += read_bytes(&cut, &out, &f) == 0;
		bytes_free(&out);
	}
	is_int(accepted, 0, "cut at any length, it is refused");
	cut.size = 0;
	refuse(&cut, EBADMSG, "an empty file");
	bytes_free(&file);
}

static void test_additions(void)
{
	static const struct {
		const char *what;
		size_t size;
		char bytes[16];
		bool good;
	} additions[] = {
		{ "1 zero", 1, "", false },
		{ "2 zeros", 2, "", false },
		{ "3 zeros", 3, "", false },
		{ "4 zeros", 4, "", true },
		{ "5 zeros", 5, "", false },
		{ "8 zeros", 8, "", true },
		{ "a newline", 1, "\n", false },
		{ "4 bytes", 4, "tail", false },
		{ "12 bytes", 12, "trailing gar", false },
		{ "zeros and a byte", 8, "\0\0\0\0\0\0\0x", false },
		{ "the start of a stream", 6,
		  "\xfd"
		  "7zXZ",
		  false },
	};
	const struct xz_recipe recipe = { .n_blocks = 1, .check = LZMA_CHECK_CRC64 };
	struct bytes file = { 0 };
	size_t whole;

	add_stream(&file, &recipe, data, DATA_SIZE);
	whole = file.size;
	for (size_t i = 0; i < ARRAY_SIZE(additions); i++) {
		struct bytes out = { 0 };
		struct fail f;

		file.size = whole;
		bytes_add(&file, additions[i].bytes, additions[i].size);
		if (additions[i].good)
			ok(read_bytes(&file, &out, &f) == 0 && is_data(&out, 1),
			   "padding: %s behind the end", additions[i].what);
		else
			refuse(&file, EBADMSG, additions[i].what);
		bytes_free(&out);
	}
	bytes_free(&file);
}

static void test_not_xz(void)
{
	static const struct {
		const char *what;
		size_t size;
		char bytes[32];
	} files[] = {
		{ "gzip", 20, "\x1f\x8b\x08" },
		{ "zstd", 20, "\x28\xb5\x2f\xfd" },
		{ "text", 12, "hello world\n" },
		{ "zeros", 32, "" },
		{ "one byte", 1, "\xfd" },
		{ "only the magic", 6,
		  "\xfd"
		  "7zXZ" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct bytes file = { exact_copy(files[i].bytes, files[i].size),
					    files[i].size, 0 };

		refuse(&file, EBADMSG, files[i].what);
		free(file.data);
	}
}

/* An Index that is whole in itself but says what is not so. */
static void test_lies(void)
{
	static const struct {
		const char *what;
		struct xz_recipe recipe;
	} lies[] = {
		{ "a byte more in Block 2", { .lie = 2, .lie_uncompressed = 1 } },
		{ "a byte less in Block 2", { .lie = 2, .lie_uncompressed = -1 } },
		{ "a byte more in the last Block", { .lie = 3, .lie_uncompressed = 1 } },
		{ "no bytes in Block 1", { .lie = 1, .lie_uncompressed = -100 } },
		{ "Block 1 longer in the file", { .lie = 1, .lie_unpadded = 4 } },
		{ "Block 1 shorter in the file", { .lie = 1, .lie_unpadded = -4 } },
		{ "Block 3 shorter by one", { .lie = 3, .lie_unpadded = -1 } },
		{ "Block 3 longer by one", { .lie = 3, .lie_unpadded = 1 } },
		{ "Blocks 1 and 2 swapped", { .swap_records = true } },
		{ "Block 3 not in it", { .drop_last_record = true } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies) * 2; i++) {
		struct xz_recipe recipe = lies[i / 2].recipe;
		struct bytes file = { 0 };

		recipe.n_blocks = 3;
		recipe.blocks[0] = 100;
		recipe.blocks[1] = 250;
		recipe.check = LZMA_CHECK_CRC32;
		recipe.no_sizes = i % 2;
		add_stream(&file, &recipe, data, 600);
		refuse(&file, EBADMSG, lies[i / 2].what);
		bytes_free(&file);
	}
}

/* Sets another check in stream header and footer, with their CRCs. */
static void set_check(struct bytes *file, int check)
{
	uint8_t *header = file->data, *footer = file->data + file->size - LZMA_STREAM_HEADER_SIZE;
	uint32_t crc;

	header[7] = footer[9] = (uint8_t)check;
	crc = lzma_crc32(header + 6, 2, 0);
	memcpy(header + 8, &crc, 4); /* little-endian, as this test's machines */
	crc = lzma_crc32(footer + 4, 6, 0);
	memcpy(footer, &crc, 4);
}

static void test_checks(void)
{
	static const struct {
		lzma_check made, claimed;
		int error;
	} checks[] = {
		{ LZMA_CHECK_CRC32, 2, ENOTSUP },
		{ LZMA_CHECK_CRC32, 3, ENOTSUP },
		{ LZMA_CHECK_CRC64, 5, ENOTSUP },
		{ LZMA_CHECK_CRC64, 6, ENOTSUP },
		{ LZMA_CHECK_SHA256, 11, ENOTSUP },
		{ LZMA_CHECK_SHA256, 12, ENOTSUP },
		{ LZMA_CHECK_SHA256, 15, 0 },
		{ LZMA_CHECK_CRC32, 16, 0 },
		{ LZMA_CHECK_CRC64, 4 + 128, 0 },
		{ LZMA_CHECK_CRC32, LZMA_CHECK_NONE, EBADMSG },
		{ LZMA_CHECK_NONE, LZMA_CHECK_CRC32, EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct xz_recipe recipe = { .n_blocks = 1, .check = checks[i].made };
		struct bytes file = { 0 };
		char what[64];

		add_stream(&file, &recipe, data, DATA_SIZE);
		set_check(&file, (int)checks[i].claimed);
		snprintf(what, sizeof(what), "check %d that calls itself %d", (int)checks[i].made,
			 (int)checks[i].claimed);
		refuse(&file, checks[i].error, what);
		bytes_free(&file);
	}
}

/* A decoder goes on to other Blocks after one that was damaged or left in the middle. */
static void test_reuse(void)
{
	const struct xz_recipe recipe = { .n_blocks = 3,
					  .blocks = { 1000, 1000 },
					  .check = LZMA_CHECK_CRC64 };
	struct bytes file = { 0 };
	struct block_list l;
	struct payload p;
	uint8_t buf[4096];
	size_t got = 0;
	void *d;
	struct fail f;

	add_stream(&file, &recipe, data, DATA_SIZE);
	open_payload(&file, &p);
	must(block_list_read(&p, &l, &f));
	payload_close(&p);
	file.data[l.blocks[1].offset + l.blocks[1].total / 2] ^= 0x10;
	open_payload(&file, &p);
	must(codec_xz.decoder_new(&p, &l, &d));

	ok(codec_xz.start(d, &l.blocks[2], &f) == 0 && codec_xz.read(d, buf, 100, &got, &f) == 1 &&
		   got == 100,
	   "the start of Block 3");
	ok(codec_xz.start(d, &l.blocks[1], &f) == 0 &&
		   codec_xz.read(d, buf, sizeof(buf), &got, &f) == -EBADMSG,
	   "Block 2 is damaged: %s", f.why);
	ok(strstr(f.why, "Block 2"), "and is named");
	ok(codec_xz.start(d, &l.blocks[0], &f) == 0 &&
		   codec_xz.read(d, buf, sizeof(buf), &got, &f) == 0 && got == 1000 &&
		   memcmp(buf, data, 1000) == 0,
	   "Block 1 is decoded after it");
	codec_xz.decoder_free(d);
	block_list_free(&l);
	payload_close(&p);
	bytes_free(&file);
}

int main(void)
{
	fill_pattern(data, sizeof(data));
	test_good();
	test_empty_streams();
	test_block_list();
	test_parts();
	test_flips();
	test_cuts();
	test_additions();
	test_not_xz();
	test_lies();
	test_checks();
	test_reuse();
	return done_testing();
}
