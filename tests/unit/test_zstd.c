/*
 * zstd's frames as Blocks: files of every making are read, whatever step they are read in, and no flipped bit and no cut gives
 * other data.
 */
#include <errno.h>
#include <zstd.h>

#include "codec/codec.h"
#include "codec/zstd_frame.h"
#include "make_xz.h"
#include "tap.h"

#define DATA_SIZE 300000
static uint8_t data[DATA_SIZE];

struct recipe {
	size_t every; /* bytes of a frame; 0 = one frame of all */
	int level;
	bool no_size, no_checksum;
	int window;       /* its logarithm; 0 = the level's */
	size_t skippable; /* bytes of a skippable frame before each */
	bool empty;       /* an empty frame behind each */
};

static void add_skippable(struct bytes *file, size_t size)
{
	uint8_t header[8] = { 0x5e, 0x2a, 0x4d, 0x18, (uint8_t)size, (uint8_t)(size >> 8) };

	bytes_add(file, header, sizeof(header));
	for (size_t i = 0; i < size; i++)
		bytes_add(file, "s", 1);
}

static void add_frame(struct bytes *file, const struct recipe *r, const void *in, size_t size)
{
	static uint8_t out[2 * DATA_SIZE];
	ZSTD_CCtx *context = ZSTD_createCCtx();
	ZSTD_outBuffer to = { out, sizeof(out), 0 };
	ZSTD_inBuffer from = { in, size, 0 };
	size_t left;

	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, r->level);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, !r->no_checksum);
	if (r->window)
		ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, r->window);
	if (!r->no_size)
		ZSTD_CCtx_setPledgedSrcSize(context, size);
	else if (size > 0) /* a first piece, so that it cannot know */
		from.size = 1;
	left = ZSTD_compressStream2(context, &to, &from, r->no_size ? ZSTD_e_continue : ZSTD_e_end);
	from.size = size;
	while (!ZSTD_isError(left) && (left > 0 || r->no_size)) {
		left = ZSTD_compressStream2(context, &to, &from, ZSTD_e_end);
		if (left == 0)
			break;
	}
	if (ZSTD_isError(left))
		scratch_die(ZSTD_getErrorName(left));
	bytes_add(file, out, to.pos);
	ZSTD_freeCCtx(context);
}

static void make_file(struct bytes *file, const struct recipe *r, size_t size)
{
	size_t every = r->every ? r->every : size, n;

	for (size_t at = 0; at < size; at += n) {
		n = size - at < every ? size - at : every;
		if (r->skippable)
			add_skippable(file, r->skippable);
		add_frame(file, r, data + at, n);
		if (r->empty)
			add_frame(file, r, data, 0);
	}
	if (r->skippable)
		add_skippable(file, r->skippable);
}

/* Decodes every Block, step bytes at a time, into out. Returns 0 or -errno. */
static int decode_block(void *d, const struct block *block, size_t step, struct bytes *out,
			struct fail *f)
{
	static uint8_t buf[65536];
	uint64_t before = block->offset, position;
	size_t got = 0;
	int r = codec_zstd.start(d, block, f);

	if (r < 0)
		return r;
	do {
		r = codec_zstd.read(d, buf, step, &got, f);
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
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		r = decode_block(d, &ret->blocks[i], step, out, f);
	codec_zstd.decoder_free(d);
	block_list_free(ret);
	payload_close(&p);
	return r;
}

/* ---- good files ---- */

static const struct {
	const char *name;
	struct recipe recipe;
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

		make_file(&file, &good[i].recipe, DATA_SIZE);
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
	static const struct recipe recipes[] = { { .level = 3, .every = 200 },
						 { .level = 3, .no_size = true },
						 { .level = 1, .every = 300, .skippable = 5 } };

	for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
		struct bytes file = { 0 };
		size_t wrong = 0, refused = 0, size;
		bool is_refused;

		make_file(&file, &recipes[i], SMALL);
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
		ok(wrong <= (recipes[i].skippable > 0),
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
	{ "a reserved bit", "\x28\xb5\x2f\xfd\x28\x03\x19\0\0abc", 12, ENOTSUP,
	  "the frame at byte 0 is of a format that this version does not support" },
	{ "zstd 0.7", "\x27\xb5\x2f\xfd\x20\x03\x19\0\0abc", 12, ENOTSUP,
	  "the frame at byte 0 is of a format that this version does not support" },
	{ "a reserved part", "\x28\xb5\x2f\xfd\x20\x03\x1f\0\0abc", 12, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "a part larger than all", "\x28\xb5\x2f\xfd\x20\x03\x21\0\0abcd", 13, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "more than its parts can hold", "\x28\xb5\x2f\xfd\x20\x04\x19\0\0abc", 12, EBADMSG,
	  "the frame at byte 0 is damaged" },
	{ "a magic alone", "\x28\xb5\x2f\xfd", 4, EBADMSG, "the frame at byte 0 is cut short" },
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
	return done_testing();
}
