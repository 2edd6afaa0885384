/* Which codec, and its list of Blocks. */
#include "codec/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_MOST (8ULL << 30)   /* bytes; the largest dictionary of xz has 4 GiB */
#define WINDOW_USUAL (64ULL << 20) /* bytes */
#define PAGE_MOST (64ULL << 10)    /* bytes: what is given back ends where a page does */

static const struct codec *const codecs[] = { &codec_xz, &codec_zstd, &codec_stored };

static void count_block(struct block_list *l, struct block *b)
{
	b->start = l->uncompressed;
	l->uncompressed += b->uncompressed;
	l->least += b->is_unsized ? min_u64(b->total, b->uncompressed) : b->uncompressed;
	l->unsized += b->is_unsized;
	l->unchecked += b->is_unchecked;
	if (b->uncompressed > l->largest)
		l->largest = b->uncompressed;
}

void block_list_count(struct block_list *l)
{
	l->uncompressed = l->least = l->unsized = l->unchecked = l->largest = 0;
	for (size_t i = 0; i < l->n; i++)
		count_block(l, &l->blocks[i]);
}

int block_list_add(struct block_list *l, const struct block *block)
{
	struct block *blocks;

	if (l->n == BLOCKS_MAX)
		return -E2BIG;
	blocks = array_one_more(l->blocks, l->n, sizeof(*blocks));
	if (!blocks)
		return -ENOMEM;
	l->blocks = blocks;
	l->blocks[l->n] = *block;
	l->blocks[l->n].number = l->n + 1;
	count_block(l, &l->blocks[l->n++]);
	return 0;
}

const struct block *block_list_find(const struct block_list *l, uint64_t offset)
{
	size_t low = 0, high = l->n;

	if (offset >= l->uncompressed)
		return NULL;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (l->blocks[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return &l->blocks[low];
}

const struct codec *codec_find(const uint8_t *head, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i]->is_kind(head, size))
			return codecs[i];
	return NULL;
}

static int find_codec(const struct payload *p, const struct codec **ret, struct fail *f)
{
	uint8_t head[CODEC_HEAD];
	ssize_t n = payload_read_up_to(p, 0, head, sizeof(head));

	if (n < 0)
		return payload_fail_read(p, (int)n, f);
	*ret = codec_find(head, (size_t)n);
	if (*ret)
		return 0;
	return fail_set(f, EBADMSG, p->name,
			"Make it with tar and xz or zstd, or with `tarboot pack`.",
			p->size ? "it is neither a tar archive nor an xz or zstd file"
				: "it is empty");
}

static void count_decoder(struct block_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->blocks[i].memory + l->codec->decoder_size > l->decoder_memory)
			l->decoder_memory = l->blocks[i].memory + l->codec->decoder_size;
}

int block_list_read(const struct payload *p, struct block_list *ret, struct fail *f)
{
	struct block_list l = { 0 };
	int r = find_codec(p, &l.codec, f);

	if (r == 0)
		r = l.codec->list(p, &l, f);
	if (r < 0) {
		block_list_free(&l);
		*ret = (struct block_list){ 0 };
		return r;
	}
	count_decoder(&l);
	*ret = l;
	return 0;
}

const struct codec *codec_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (*codecs[i]->suffix && ends_with(name, codecs[i]->suffix))
			return codecs[i];
	return &codec_stored;
}

/* A stranger may have written the list, and what follows adds and multiplies these numbers. */
static bool can_be(const struct block *b, const struct block_list *before)
{
	return b->memory <= MEMORY_MOST && b->uncompressed <= INT64_MAX - before->uncompressed;
}

int block_list_known(const char *name, const struct block *blocks, size_t n, struct block_list *ret)
{
	struct block_list l = { .codec = codec_by_name(name), .is_known = true, .streams = 1 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = can_be(&blocks[i], &l) ? block_list_add(&l, &blocks[i]) : -EINVAL;
	if (r == 0 && l.codec->list_known)
		r = l.codec->list_known(&l);
	if (r < 0) {
		block_list_free(&l);
		*ret = (struct block_list){ 0 };
		return r;
	}
	count_decoder(&l);
	*ret = l;
	return 0;
}

uint64_t block_list_least_window(const struct block_list *l, uint64_t size, unsigned decoders)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->blocks[i].total > largest)
			largest = l->blocks[i].total;
	return min_u64(add_u64(multiply_u64(largest, decoders + 1ULL), PAGE_MOST), size);
}

uint64_t block_list_window(const struct block_list *l, uint64_t size, unsigned decoders)
{
	uint64_t least = block_list_least_window(l, size, decoders);

	return least > WINDOW_USUAL ? least : min_u64(WINDOW_USUAL, size);
}

const char *codec_todo_memory(const struct codec *codec, const char *helps,
			      char buf[CODEC_TODO_MAX])
{
	snprintf(buf, CODEC_TODO_MAX, "%s%s%s.", helps, codec->smaller ? ", or compress with " : "",
		 codec->smaller ? codec->smaller : "");
	return buf;
}

int codec_fail_damaged(const struct payload *p, const struct block *at, struct fail *f)
{
	return fail_set(f, EBADMSG, p->name, CODEC_TODO_COPY, "Block %llu (byte %llu) is damaged",
			(unsigned long long)at->number, (unsigned long long)at->offset);
}

int codec_fail_memory(const struct payload *p, const struct block *at, const struct codec *codec,
		      struct fail *f)
{
	char todo[CODEC_TODO_MAX];

	return fail_set(f, ENOMEM, p->name, codec_todo_memory(codec, CODEC_TODO_THREADS, todo),
			"no memory to decode Block %llu", (unsigned long long)at->number);
}

void block_list_free(struct block_list *l)
{
	free(l->blocks);
	free(l->own);
	*l = (struct block_list){ 0 };
}

static int decode_blocks(const struct payload *p, const struct block_list *l, void *decoder,
			 uint8_t *buf, size_t room, size_t *ret_size, struct fail *f)
{
	size_t used = 0, got;
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		r = l->codec->start(decoder, &l->blocks[i], f);
		if (r < 0)
			return r;
		do {
			if (used == room && l->blocks[i].uncompressed > 0)
				return fail_errno(f, EFBIG, p->name, "cannot decompress it");
			r = l->codec->read(decoder, buf + used, room - used, &got, f);
			if (r < 0)
				return r;
			used += got;
		} while (r > 0);
	}
	*ret_size = used;
	return 0;
}

int codec_decode(int fd, const char *name, void *buf, size_t room, size_t *ret_size, struct fail *f)
{
	struct payload p = { 0 };
	struct block_list l = { 0 };
	off_t size = lseek(fd, 0, SEEK_END);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), r;
	void *decoder = NULL;

	snprintf(p.name, sizeof(p.name), "%s", name);
	r = copy < 0 || size < 0 ? -errno : payload_add(&p, copy, 0, (uint64_t)size);
	if (r < 0) {
		cleanup_close(&copy);
		return fail_errno(f, r, name, "cannot read it");
	}
	r = block_list_read(&p, &l, f);
	if (r == 0 && l.decoder_memory > room)
		r = fail_errno(f, EFBIG, name, "cannot decompress it");
	if (r == 0 && l.codec->decoder_new(&p, &l, &decoder) < 0)
		r = fail_errno(f, ENOMEM, name, "cannot decompress it");
	if (r == 0)
		r = decode_blocks(&p, &l, decoder, buf, room, ret_size, f);
	if (decoder)
		l.codec->decoder_free(decoder);
	block_list_free(&l);
	payload_close(&p);
	return r;
}
