/* A plain tar as Blocks: pieces of the file as it is, whatever parts it lies in, and none of them checked. */
#include <errno.h>

#include "codec/codec.h"
#include "make_xz.h"
#include "tap.h"
#include "tar/member.h"
#include "tar/tar_header.h"
#include "tar/tar_write.h"
#include "tar_bytes.h"

#define PIECE ((uint64_t)4 << 20)

static uint8_t file[2 * PIECE + 4097];

/* As the first bytes of a tar that tarboot packed. */
static void make_header(void)
{
	const struct member m = { .type = MEMBER_FILE, .path = "file", .size = sizeof(file) };
	struct bytes tar = { 0 };
	struct tar_writer *w;
	struct fail f;

	must(tar_writer_open(bytes_sink, &tar, &w));
	must(tar_writer_add(w, &m, NULL, 0, &f));
	tar_writer_free(w);
	memcpy(file, tar.data, TAR_BLOCK);
	bytes_free(&tar);
}

/* size bytes of the file, in two parts. */
static void open_file(size_t size, size_t split, struct payload *ret)
{
	*ret = (struct payload){ .name = "the payload" };
	must(payload_add(ret, data_file(file, split), 0, split));
	must(payload_add(ret, data_file(file + split, size - split), 0, size - split));
}

/* Decodes a Block, step bytes at a time. 0 when it gives its bytes of the file. */
static int read_block(void *d, const struct block *b, size_t step, struct fail *f)
{
	static uint8_t buf[PIECE];
	uint64_t at = b->offset;
	size_t got = 0;
	int r = codec_stored.start(d, b, f);

	while (r == 0 || got > 0) {
		r = codec_stored.read(d, buf, step, &got, f);
		if (r < 0)
			return r;
		if (got != min_u64(step, b->offset + b->total - at) ||
		    memcmp(buf, file + at, got) != 0 || codec_stored.position(d) != at + got)
			return -EDOM;
		at += got;
		if (r == 0)
			return at == b->offset + b->total ? 0 : -EDOM;
	}
	return -EDOM;
}

static int read_all(const struct payload *p, const struct block_list *l, size_t step,
		    struct fail *f)
{
	void *d = NULL;
	int r = codec_stored.decoder_new(p, l, &d);

	for (size_t i = l->n; r == 0 && i > 0; i--) /* any order will do */
		r = read_block(d, &l->blocks[i - 1], step, f);
	codec_stored.decoder_free(d);
	return r;
}

static void test_sizes(void)
{
	static const struct {
		size_t size, blocks, split;
	} files[] = {
		{ TAR_BLOCK, 1, 100 }, { TAR_BLOCK + 1, 1, 0 }, { PIECE - 1, 1, 77777 },
		{ PIECE, 1, PIECE },   { PIECE + 1, 2, PIECE }, { sizeof(file), 3, PIECE + 5 }
	};
	static const size_t steps[] = { PIECE, 262144, 100000 };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct block_list l = { 0 };
		struct payload p;
		struct fail f = { 0 };

		open_file(files[i].size, files[i].split, &p);
		is_int(block_list_read(&p, &l, &f), 0, "%zu bytes", files[i].size);
		ok(l.codec == &codec_stored && l.n == files[i].blocks && l.unchecked == l.n &&
			   l.unsized == 0 && l.uncompressed == files[i].size &&
			   l.least == files[i].size && l.largest <= PIECE && l.streams == 1,
		   "%zu Blocks, without a check", l.n);
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
			is_int(read_all(&p, &l, steps[k], &f), 0, "in steps of %zu: %s", steps[k],
			       f.why);
		block_list_free(&l);
		payload_close(&p);
	}
}

/* More Blocks than a list may have are larger ones instead. */
static void test_huge(void)
{
	const uint64_t sizes[] = { BLOCKS_MAX * PIECE - 1, BLOCKS_MAX * PIECE, 5ULL << 40 };
	struct block_list l;
	struct payload p;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = (struct payload){ .name = "the payload" };
		must(payload_add(&p, data_file(file, TAR_BLOCK), 0, sizes[i]));
		is_int(block_list_read(&p, &l, &f), 0, "%llu bytes", (unsigned long long)sizes[i]);
		ok(l.n <= BLOCKS_MAX && l.n > BLOCKS_MAX / 4 && l.uncompressed == sizes[i],
		   "%zu Blocks of at most %llu MiB", l.n, (unsigned long long)(l.largest >> 20));
		block_list_free(&l);
		payload_close(&p);
	}
}

/* It became shorter under our hands. */
static void test_read_error(void)
{
	struct payload p = { .name = "the payload" };
	struct block_list l;
	struct fail f;

	must(payload_add(&p, data_file(file, PIECE + 1000), 0, PIECE + 2000));
	must(block_list_read(&p, &l, &f));
	is_int(read_all(&p, &l, 100000, &f), -ENODATA, "a file that lacks its end");
	is_str(f.what, "the payload", "is named");
	ok(strncmp(f.why, "cannot read it: ", 16) == 0, "%s", f.why);
	block_list_free(&l);
	payload_close(&p);
}

static void is_taken(const void *head, size_t size, const struct codec *want, const char *what)
{
	uint8_t *copy = exact_copy(head, size);

	ok(codec_find(copy, size) == want, "%s is %s", what, want ? want->name : "no payload");
	free(copy);
}

static void test_kinds(void)
{
	uint8_t head[CODEC_HEAD];

	is_taken(file, TAR_BLOCK, &codec_stored, "a header");
	is_taken(file, TAR_BLOCK - 1, NULL, "what is shorter than a header");
	is_taken(file, 0, NULL, "nothing");
	memcpy(head, file, sizeof(head));
	head[0] ^= 1;
	is_taken(head, sizeof(head), &codec_stored, "a damaged header with its magic");
	memcpy(head + 257, "other", 5);
	is_taken(head, sizeof(head), NULL, "one without");
	memset(head, 0, sizeof(head));
	is_taken(head, sizeof(head), NULL, "a block of zeros");
	memcpy(head, "070701", 6);
	is_taken(head, sizeof(head), NULL, "a cpio archive");
	is_taken("\xfd"
		 "7zXZ",
		 6, &codec_xz, "what is shorter, with xz's magic,");
	is_taken("\x28\xb5\x2f\xfd", 4, &codec_zstd, "what is shorter, with zstd's magic,");
}

static void refuse(const void *data, size_t size, const char *why)
{
	struct payload p = { .name = "the payload" };
	struct block_list l;
	struct fail f = { 0 };

	must(payload_add(&p, data_file(data, size), 0, size));
	is_int(block_list_read(&p, &l, &f), -EBADMSG, "%zu bytes are refused", size);
	is_str(f.why, why, "it says why");
	is_str(f.todo, "Make it with tar and xz or zstd, or with `tarboot pack`.",
	       "and what to do");
	payload_close(&p);
}

/* What helps against too much memory is the codec's own advice. */
static void test_advice(void)
{
	char todo[CODEC_TODO_MAX];

	is_str(codec_todo_memory(&codec_xz, CODEC_TODO_ADD, todo),
	       "Add memory, or compress with a smaller dictionary (xz -6).", "xz");
	is_str(codec_todo_memory(&codec_zstd, CODEC_TODO_THREADS, todo),
	       "Use fewer threads (tarboot.threads=1), add memory, or compress with a smaller "
	       "window (zstd -19 without --long).",
	       "zstd");
	is_str(codec_todo_memory(&codec_stored, CODEC_TODO_ADD, todo), "Add memory.", "none");
}

int main(void)
{
	fill_pattern(file, sizeof(file));
	make_header();
	test_sizes();
	test_huge();
	test_read_error();
	test_kinds();
	refuse("", 0, "it is empty");
	refuse("text\n", 5, "it is neither a tar archive nor an xz or zstd file");
	refuse(file, 511, "it is neither a tar archive nor an xz or zstd file");
	test_advice();
	return done_testing();
}
