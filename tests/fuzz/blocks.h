/*
 * Compressed files whose Blocks are decoded one after the other, by whatever codec the first bytes tell.
 */
#pragma once

#include "codec/codec.h"
#include "engine/unpack.h"
#include "fuzz.h"

#define OUTPUT_MAX (1 << 18) /* decoded bytes of an input: no bombs */

static uint8_t ours[OUTPUT_MAX], theirs[OUTPUT_MAX + 1];

/* Does the file belong to another codec than this one? */
static inline bool is_of_other(const struct codec *codec, const uint8_t *file, size_t size)
{
	const struct codec *found = codec_find(file, size < CODEC_HEAD ? size : CODEC_HEAD);

	return found && found != codec;
}

/* Decodes one Block behind *used, which is of such a list; whole: into memory for all of it. 0, -errno, or -E2BIG for too much. */
static inline int decode_block(const struct block_list *l, void *d, const struct block *block,
			       bool whole, size_t step, size_t *used, struct fail *f)
{
	const struct codec *codec = l->codec;
	bool is_exact = !block->is_unsized && !(l->is_known && codec == &codec_zstd);
	uint64_t before = block->offset, position;
	size_t start = *used, got = 0;
	int r = codec->start(d, block, f);

	if (r == 0 && whole && block->uncompressed <= OUTPUT_MAX - *used)
		codec->start_whole(d, ours + *used);
	while (r >= 0) {
		if (step > OUTPUT_MAX - *used)
			return -E2BIG;
		r = codec->read(d, ours + *used, step, &got, f);
		promise(got <= step);
		*used += got;
		position = codec->position(d);
		promise(position >= before && position <= block->offset + block->total);
		before = position;
		if (r == 0)
			break;
		promise(r < 0 || got == step);
	}
	promise(r < 0 || (is_exact ? *used - start == block->uncompressed
				   : *used - start <= block->uncompressed));
	return r;
}

/* In steps of an odd number of bytes where it can be by whole Blocks. */
static inline int decode_all(const struct payload *p, size_t step, size_t *used, struct fail *f)
{
	const struct block *b;
	struct block_list l;
	void *d = NULL;
	int r = block_list_read(p, &l, f);

	if (r < 0)
		return r;
	r = l.codec->decoder_new(p, &l, &d);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		b = &l.blocks[i];
		promise(b->number == i + 1 && b->uncompressed <= l.largest);
		promise(b->offset + b->total <= p->size && b->start >= *used);
		r = decode_block(&l, d, b, l.whole_memory > 0 && step % 2 == 1, step, used, f);
	}
	promise(r < 0 || (*used <= l.uncompressed && (l.unsized || *used == l.uncompressed)));
	l.codec->decoder_free(d);
	block_list_free(&l);
	return r;
}

/* Of a payload of one part: with the Blocks that its list has, as a manifest tells them. *used: bytes. */
static inline int decode_known(const struct payload *p, const struct block_list *whole, size_t step,
			       size_t *used, struct fail *f)
{
	struct block_list l;
	char name[16];
	void *d = NULL;
	int r;

	snprintf(name, sizeof(name), "a.tar%s", whole->codec->suffix);
	promise(block_list_known(name, whole->blocks, whole->n, &l) == 0 &&
		l.codec == whole->codec);
	promise(l.n == whole->n && l.uncompressed == whole->uncompressed);
	*used = 0;
	r = l.codec->decoder_new(p, &l, &d);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = decode_block(&l, d, &l.blocks[i], l.whole_memory > 0 && step % 2 == 1, step,
				 used, f);
	l.codec->decoder_free(d);
	block_list_free(&l);
	return r;
}

/* What is in a byte, turned round. */
static inline void flip(const struct payload *p, uint64_t at)
{
	uint8_t byte;

	promise(pread(p->parts[0].fd, &byte, 1, (off_t)(p->parts[0].offset + at)) == 1);
	byte ^= 0x41;
	promise(pwrite(p->parts[0].fd, &byte, 1, (off_t)(p->parts[0].offset + at)) == 1);
}

/* A list that is known gives the bytes that were read by the ordinary one, used of them, which r is about, and never more than it
 * says: also of bytes that are not those of the list, which a right digest keeps away from it. */
static inline void check_known(const struct payload *p, size_t step, int r, size_t used)
{
	static uint8_t read_before[OUTPUT_MAX];
	struct block_list whole;
	struct fail f = { 0 };
	size_t known;

	if (p->n_parts != 1 || p->size == 0 || block_list_read(p, &whole, &f) < 0)
		return;
	memcpy(read_before, ours, used);
	for (size_t i = 0; i < whole.n; i++)
		whole.blocks[i].is_unsized = false; /* no manifest says that */
	if (decode_known(p, &whole, step, &known, &f) == 0 && r == 0)
		promise(known == used && memcmp(ours, read_before, used) == 0);
	promise(f.error != EBADMSG || r < 0);
	for (uint64_t i = 1; i < 4; i++) {
		flip(p, p->size * i / 4);
		(void)decode_known(p, &whole, step, &known, &f);
		flip(p, p->size * i / 4);
	}
	memcpy(ours, read_before, used);
	block_list_free(&whole);
}

/* Whatever the tar in it is, a file that is not whole must not be unpacked. */
static inline int unpack(const struct payload *p, uint8_t choice, struct fail *f)
{
	const struct engine_plan plan = { .threads = 1 + choice % 3,
					  .decoders = 1 + choice % 3,
					  .pool = 1 };
	const struct unpack_options options = { .root_fd = -1, .plan = &plan };
	struct unpack_result result;

	return unpack_run(p, &options, &result, f);
}
