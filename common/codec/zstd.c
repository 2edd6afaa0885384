/*
 * zstd by libzstd's decoder. A Block is a frame; list walks from header to header, so no table is needed. Where there is one, it
 * must match; from it come sizes that frames do not say, and a frame that has another is damaged. What `zstd` writes is one frame,
 * which one thread decodes while others write.
 */
#define ZSTD_STATIC_LINKING_ONLY /* for what a decoder takes */

#include "codec/codec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/size.h"
#include "codec/zstd_frame.h"

#define INPUT_SIZE 131072
#define LOOK_SIZE 1024
#define CHECKSUM_SIZE 4
#define INPUT_MORE 4096 /* that libzstd adds to a block for its own convenience, and more */
#define WINDOW_MOST (1ULL << ZSTD_WINDOWLOG_MAX)

/* In libzstd, but in none of its installed headers: what frames and seek tables are checked by. */
struct XXH64_state_s;
struct XXH64_state_s *ZSTD_XXH64_createState(void);
int ZSTD_XXH64_freeState(struct XXH64_state_s *state);
int ZSTD_XXH64_reset(struct XXH64_state_s *state, unsigned long long seed);
int ZSTD_XXH64_update(struct XXH64_state_s *state, const void *data, size_t size);
unsigned long long ZSTD_XXH64_digest(const struct XXH64_state_s *state);

/* What the seek table alone knows of a Block. */
struct note {
	bool has_checksum;
	uint32_t checksum;
};

struct zstd_decoder {
	const struct payload *payload;
	ZSTD_DCtx *context;
	const struct note *notes;     /* of all Blocks; NULL: there are none */
	bool asks_header;             /* whether a Block says its size */
	struct XXH64_state_s *digest; /* of what the Block gave, where there are notes */
	struct block at;
	uint64_t left; /* bytes that the Block may still give */
	bool is_whole; /* all of it goes to out, and given bytes of that were taken */
	ZSTD_outBuffer out;
	size_t given;
	bool has_ended;
	uint64_t next_in; /* payload offset of what is not yet in input */
	ZSTD_inBuffer in; /* of input */
	uint8_t input[INPUT_SIZE];
};

static bool zstd_is_kind(const uint8_t *head, size_t size)
{
	return zstd_frame_is_magic(head, size);
}

/* ---- the list of frames ---- */

static int fail_frame(const struct payload *p, uint64_t at, const char *why, struct fail *f)
{
	return fail_set(f, EBADMSG, p->name, CODEC_TODO_COPY, "the frame at byte %llu %s",
			(unsigned long long)at, why);
}

/* What list looks at. A file that was copied only in part may end in very many headers of nothing: zeros. Each with a system call
 * of its own, they would take minutes. */
struct look {
	const struct payload *payload;
	uint64_t at; /* of data in the payload */
	size_t size;
	uint8_t data[LOOK_SIZE];
};

/* Up to size bytes, LOOK_SIZE at most, valid until the next look. Their number, fewer at the end of the file; or -errno with *f
 * set. */
static int look_at(struct look *l, uint64_t at, size_t size, const uint8_t **ret, struct fail *f)
{
	ssize_t n;

	if (at < l->at || at + size > l->at + l->size) {
		n = payload_read_up_to(l->payload, at, l->data, LOOK_SIZE);
		if (n < 0)
			return payload_fail_read(l->payload, (int)n, f);
		l->at = at;
		l->size = (size_t)n;
	}
	*ret = l->data + (at - l->at);
	return (int)min_u64(size, l->size - (at - l->at));
}

static int explain_header(const struct payload *p, uint64_t at, int error, struct fail *f)
{
	if (error == -ENODATA)
		return fail_frame(p, at, "is cut short", f);
	if (error == -ENOTSUP)
		return fail_set(
			f, ENOTSUP, p->name, "Compress it with zstd 0.8 or later.",
			"the frame at byte %llu is of a format that this version does not support",
			(unsigned long long)at);
	return fail_set(f, EBADMSG, p->name, CODEC_TODO_COPY,
			"other data follows its last frame, at byte %llu", (unsigned long long)at);
}

static int read_header(struct look *l, uint64_t at, struct zstd_frame *ret, struct fail *f)
{
	const uint8_t *header;
	int n = look_at(l, at, ZSTD_FRAME_HEADER_MAX, &header, f), r;

	if (n < 0)
		return n;
	r = zstd_frame_parse(header, (size_t)n, ret);
	return r < 0 ? explain_header(l->payload, at, r, f) : 0;
}

/* From *at, behind the header, to the end of the frame. *most: bytes that it decodes to, at most. */
static int walk_parts(struct look *l, const struct zstd_frame *frame, uint64_t start, uint64_t *at,
		      uint64_t *most, struct fail *f)
{
	const struct payload *p = l->payload;
	struct zstd_part part = { 0 };
	const uint8_t *header;
	int n;

	while (!part.is_last) {
		n = look_at(l, *at, ZSTD_PART_HEADER_SIZE, &header, f);
		if (n < 0)
			return n;
		if (n < ZSTD_PART_HEADER_SIZE)
			return fail_frame(p, start, "is cut short", f);
		if (zstd_part_parse(header, frame, &part) < 0)
			return fail_frame(p, start, "is damaged", f);
		*at += ZSTD_PART_HEADER_SIZE + part.total;
		*most += part.most;
	}
	*at += frame->has_checksum ? CHECKSUM_SIZE : 0;
	return *at > p->size ? fail_frame(p, start, "is cut short", f) : 0;
}

static int check_frame(const struct payload *p, const struct zstd_frame *frame, uint64_t at,
		       struct fail *f)
{
	char window[SIZE_TEXT_MAX];

	if (frame->dictionary)
		return fail_set(f, ENOTSUP, p->name, "Compress it without a dictionary.",
				"the frame at byte %llu needs dictionary %u",
				(unsigned long long)at, frame->dictionary);
	if (frame->window > WINDOW_MOST)
		return fail_set(
			f, ENOTSUP, p->name, "Compress it with a smaller window (zstd --long=27).",
			"the frame at byte %llu has a window of %s, more than can be decoded",
			(unsigned long long)at, size_format(window, frame->window));
	return 0;
}

static int add_frame(struct look *look, const struct zstd_frame *frame, uint64_t *at,
		     struct block_list *l, struct fail *f)
{
	const struct payload *p = look->payload;
	struct block block = { .offset = *at, .memory = ZSTD_estimateDStreamSize(frame->window) };
	uint64_t most = 0;
	int r = check_frame(p, frame, *at, f);

	*at += frame->header_size;
	if (r == 0)
		r = walk_parts(look, frame, block.offset, at, &most, f);
	if (r < 0)
		return r;
	if (frame->has_size && frame->size > most)
		return fail_frame(p, block.offset, "is damaged", f);
	block.total = *at - block.offset;
	block.uncompressed = frame->has_size ? frame->size : most;
	block.is_unsized = !frame->has_size;
	block.is_unchecked = !frame->has_checksum;
	r = block_list_add(l, &block);
	if (r == -E2BIG)
		return fail_set(f, E2BIG, p->name, "Compress it in larger frames.",
				"it has more than %u frames", BLOCKS_MAX);
	return r < 0 ? fail_errno(f, r, p->name, "cannot hold its list of frames") : 0;
}

/* ---- the seek table ---- */

struct table {
	struct zstd_table format;
	uint64_t start, entries; /* bytes in the payload: where its frame starts, and its entries */
};

static int fail_table(const struct payload *p, uint64_t at, struct fail *f)
{
	return fail_set(f, EBADMSG, p->name, CODEC_TODO_COPY,
			"its seek table does not match its frames (byte %llu)",
			(unsigned long long)at);
}

static int read_entry(struct look *look, const struct table *t, uint32_t i,
		      struct zstd_table_entry *ret, struct fail *f)
{
	const uint8_t *bytes;
	int n = look_at(look, t->entries + (uint64_t)i * t->format.entry_size, t->format.entry_size,
			&bytes, f);

	if (n < 0)
		return n;
	*ret = zstd_table_entry_parse(&t->format, bytes);
	return 0;
}

/* Where the first of its frames starts: they end where it starts. Where files were joined, it is the table of the last. */
static int find_first(struct look *look, const struct table *t, uint64_t *ret, struct fail *f)
{
	struct zstd_table_entry e;
	uint64_t sum = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < t->format.n; i++) {
		r = read_entry(look, t, i, &e, f);
		sum += r == 0 ? e.total : 0;
	}
	if (r == 0 && sum > t->start)
		return fail_table(look->payload, t->start, f);
	*ret = t->start - sum;
	return r;
}

/* One entry, of the frame at byte at: of a Block, or of something that is skipped before it. False: it is not. */
static bool match_entry(const struct zstd_table_entry *e, uint64_t at, struct block *b,
			bool is_block)
{
	if (!is_block)
		return e->uncompressed == 0 && at + e->total <= b->offset;
	if (e->total != b->total || e->uncompressed > b->uncompressed ||
	    (!b->is_unsized && e->uncompressed != b->uncompressed))
		return false;
	b->uncompressed = e->uncompressed;
	b->is_unsized = false;
	b->is_unchecked = b->is_unchecked && !e->has_checksum;
	return true;
}

static int match_table(struct look *look, const struct table *t, struct block_list *l,
		       struct fail *f)
{
	struct block end = { .offset = t->start }, *b;
	struct zstd_table_entry e;
	struct note *notes = l->own;
	uint64_t at = 0;
	bool is_block;
	size_t k = 0;
	int r = find_first(look, t, &at, f);

	while (r == 0 && k < l->n && l->blocks[k].offset < at)
		k++;
	if (r == 0 && k > 0 && l->blocks[k - 1].offset + l->blocks[k - 1].total > at)
		return fail_table(look->payload, at, f);
	for (uint32_t i = 0; r == 0 && i < t->format.n; i++, at += e.total) {
		r = read_entry(look, t, i, &e, f);
		if (r < 0)
			break;
		b = k < l->n ? &l->blocks[k] : &end;
		is_block = k < l->n && b->offset == at;
		if (!match_entry(&e, at, b, is_block))
			return fail_table(look->payload, at, f);
		if (is_block && notes)
			notes[k] = (struct note){ true, e.checksum };
		k += is_block;
	}
	return r;
}

/* The last frame of the payload, a skippable one that starts at start: if it is a table, it must be right. */
static int check_table(struct look *look, const struct zstd_frame *frame, uint64_t start,
		       struct block_list *l, struct fail *f)
{
	struct table t = { .start = start, .entries = start + frame->header_size };
	const uint8_t *footer;
	int n, r;

	if (frame->skipped < ZSTD_TABLE_FOOTER_SIZE)
		return 0;
	n = look_at(look, t.entries + frame->skipped - ZSTD_TABLE_FOOTER_SIZE,
		    ZSTD_TABLE_FOOTER_SIZE, &footer, f);
	if (n < 0)
		return n;
	r = zstd_table_parse(frame, footer, &t.format);
	if (r == -EBADMSG)
		return fail_table(look->payload, start, f);
	if (r < 0)
		return 0;
	if (t.format.entry_size == ZSTD_TABLE_ENTRY_MOST) {
		l->own_size = sizeof(struct note);
		l->own = calloc(l->n + 1, l->own_size);
		if (!l->own)
			return fail_errno(f, ENOMEM, look->payload->name,
					  "cannot hold its list of frames");
	}
	r = match_table(look, &t, l, f);
	block_list_count(l);
	return r;
}

/* They need no window of their own where all frames say their sizes and no seek table has more checksums. */
static int zstd_list_known(struct block_list *l)
{
	if (l->unsized == 0 && !l->own)
		l->whole_memory = sizeof(struct zstd_decoder) + ZSTD_estimateDCtxSize() +
				  ZSTD_BLOCKSIZE_MAX + INPUT_MORE;
	return 0;
}

static int zstd_list(const struct payload *p, struct block_list *l, struct fail *f)
{
	struct look look = { .payload = p };
	struct zstd_frame frame = { 0 };
	uint64_t at = 0, start = 0;
	int r = 0;

	while (r == 0 && at < p->size) {
		start = at;
		r = read_header(&look, at, &frame, f);
		if (r == 0 && !frame.is_skippable) {
			r = add_frame(&look, &frame, &at, l, f);
		} else if (r == 0) {
			at += frame.header_size + frame.skipped;
			r = at > p->size ? fail_frame(p, start, "is cut short", f) : 0;
		}
	}
	l->streams = l->n;
	if (r == 0 && frame.is_skippable)
		r = check_table(&look, &frame, start, l, f);
	return r == 0 ? zstd_list_known(l) : r;
}

/* ---- decoders ---- */

static void zstd_decoder_free(void *decoder)
{
	struct zstd_decoder *d = decoder;

	if (!d)
		return;
	ZSTD_freeDCtx(d->context);
	(void)ZSTD_XXH64_freeState(d->digest);
	free(d);
}

static int zstd_decoder_new(const struct payload *p, const struct block_list *l, void **ret)
{
	struct zstd_decoder *d = calloc(1, sizeof(*d));

	if (d) {
		d->context = ZSTD_createDCtx();
		d->notes = l->own;
		d->asks_header = l->is_known;
		d->digest = l->own ? ZSTD_XXH64_createState() : NULL;
	}
	if (!d || !d->context || (d->notes && !d->digest)) {
		zstd_decoder_free(d);
		return -ENOMEM;
	}
	(void)ZSTD_DCtx_setParameter(d->context, ZSTD_d_windowLogMax, ZSTD_WINDOWLOG_MAX);
	d->payload = p;
	*ret = d;
	return 0;
}

/* Does the current Block say its size? What is no header meets the decoder, which refuses it. */
static int ask_header(struct zstd_decoder *d, struct fail *f)
{
	struct zstd_frame frame = { 0 };
	uint8_t header[ZSTD_FRAME_HEADER_MAX];
	ssize_t n = payload_read_up_to(d->payload, d->at.offset, header,
				       (size_t)min_u64(d->at.total, sizeof(header)));

	if (n < 0)
		return payload_fail_read(d->payload, (int)n, f);
	d->at.is_unsized = zstd_frame_parse(header, (size_t)n, &frame) == 0 && !frame.has_size;
	return 0;
}

static int zstd_start(void *decoder, const struct block *block, struct fail *f)
{
	struct zstd_decoder *d = decoder;

	(void)ZSTD_DCtx_reset(d->context, ZSTD_reset_session_only);
	(void)ZSTD_DCtx_setParameter(d->context, ZSTD_d_stableOutBuffer, 0);
	d->is_whole = false;
	d->at = *block;
	d->left = block->uncompressed;
	if (d->digest)
		(void)ZSTD_XXH64_reset(d->digest, 0);
	d->next_in = block->offset;
	d->in = (ZSTD_inBuffer){ .src = d->input };
	return d->asks_header ? ask_header(d, f) : 0;
}

static void zstd_start_whole(void *decoder, void *memory)
{
	struct zstd_decoder *d = decoder;

	(void)ZSTD_DCtx_setParameter(d->context, ZSTD_d_stableOutBuffer, 1);
	d->is_whole = true;
	d->out = (ZSTD_outBuffer){ .dst = memory, .size = (size_t)d->at.uncompressed };
	d->given = 0;
	d->has_ended = false;
}

static uint64_t zstd_position(const void *decoder)
{
	const struct zstd_decoder *d = decoder;

	return d->next_in - (d->in.size - d->in.pos);
}

static int fail_decoder(const struct zstd_decoder *d, size_t result, struct fail *f)
{
	if (ZSTD_isError(result) && ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
		return codec_fail_memory(d->payload, &d->at, &codec_zstd, f);
	return codec_fail_damaged(d->payload, &d->at, f);
}

/* Brings more of the current Block into the empty input buffer. */
static int fill_input(struct zstd_decoder *d, struct fail *f)
{
	uint64_t left = d->at.offset + d->at.total - d->next_in;
	ssize_t n = payload_read(d->payload, d->next_in, d->input,
				 (size_t)min_u64(left, INPUT_SIZE));

	if (n < 0)
		return payload_fail_read(d->payload, (int)n, f);
	d->next_in += (uint64_t)n;
	d->in.pos = 0;
	d->in.size = (size_t)n;
	return 0;
}

/* Has all of the Block the checksum of the seek table? */
static bool is_as_noted(const struct zstd_decoder *d)
{
	const struct note *note = d->notes ? &d->notes[d->at.number - 1] : NULL;

	return !note || !note->has_checksum ||
	       (uint32_t)ZSTD_XXH64_digest(d->digest) == note->checksum;
}

/* Decodes until there are so many bytes in out; when it is full, until nothing moves: what follows the last byte of data needs
 * no room. 0: the frame has ended; 1: it goes on; -errno. */
static int decode_until(struct zstd_decoder *d, ZSTD_outBuffer *out, size_t wanted, struct fail *f)
{
	uint64_t end = d->at.offset + d->at.total, in_before;
	size_t result = 1, out_before;
	int r;

	do {
		if (d->in.pos == d->in.size && d->next_in < end) {
			r = fill_input(d, f);
			if (r < 0)
				return r;
		}
		in_before = zstd_position(d);
		out_before = out->pos;
		result = ZSTD_decompressStream(d->context, out, &d->in);
	} while (!ZSTD_isError(result) && result > 0 &&
		 (out->pos < wanted || out->pos == out->size) &&
		 (zstd_position(d) > in_before || out->pos > out_before));
	if (result > 0 && !ZSTD_isError(result) && out->pos >= wanted)
		return 1;
	return result == 0 && zstd_position(d) == end ? 0 : fail_decoder(d, result, f);
}

/* What is decoded lies there already. libzstd goes on by its own steps, and may be further than was asked for. */
static int read_whole(struct zstd_decoder *d, size_t size, size_t *ret_size, struct fail *f)
{
	size_t wanted = (size_t)min_u64(d->given + size, d->out.size);
	bool is_full;
	int r;

	if (!d->has_ended && (d->out.pos < wanted || d->out.pos == d->out.size)) {
		r = decode_until(d, &d->out, wanted, f);
		is_full = d->out.pos == d->out.size;
		if ((r > 0 && is_full) || (r == 0 && !is_full && !d->at.is_unsized))
			r = fail_decoder(d, 0, f); /* it is longer, or shorter */
		if (r < 0)
			return r;
		d->has_ended = r == 0;
	}
	*ret_size = (size_t)min_u64(size, d->out.pos - d->given);
	d->given += *ret_size;
	return !d->has_ended || d->given < d->out.pos;
}

static int zstd_read(void *decoder, void *buf, size_t size, size_t *ret_size, struct fail *f)
{
	struct zstd_decoder *d = decoder;
	ZSTD_outBuffer out = { .dst = buf, .size = (size_t)min_u64(size, d->left) };
	int r;

	if (d->is_whole)
		return read_whole(d, size, ret_size, f);
	r = decode_until(d, &out, out.size, f);
	if (r < 0)
		return r;
	*ret_size = out.pos;
	d->left -= out.pos;
	if (d->digest && out.pos > 0)
		(void)ZSTD_XXH64_update(d->digest, buf, out.pos);
	if (r > 0 && d->left > 0)
		return 1;
	return r == 0 && (d->at.is_unsized || d->left == 0) && is_as_noted(d)
		       ? 0
		       : fail_decoder(d, 0, f);
}

const struct codec codec_zstd = {
	.name = "zstd",
	.suffix = ".zst",
	.decoder_size = sizeof(struct zstd_decoder),
	.smaller = "a smaller window (zstd -19 without --long)",
	.is_kind = zstd_is_kind,
	.list = zstd_list,
	.list_known = zstd_list_known,
	.decoder_new = zstd_decoder_new,
	.decoder_free = zstd_decoder_free,
	.start = zstd_start,
	.start_whole = zstd_start_whole,
	.read = zstd_read,
	.position = zstd_position,
};
