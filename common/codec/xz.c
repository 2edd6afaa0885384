/*
 * xz by liblzma. The container (stream headers and footers, Index, padding) of all concatenated streams
 * is read and checked by list; the decoder takes one Block at a time and holds it against the Index.
 */
#include "codec/codec.h"

#include <errno.h>
#include <lzma.h>
#include <string.h>

#if LZMA_VERSION < 50080012 /* 5.8.1 */
#error "liblzma before 5.8.1 is refused: CVE-2025-31115"
#endif

#define INPUT_SIZE 65536

/* Of a Block, in block_list.own. */
struct xz_block {
	uint64_t unpadded; /* bytes without padding; 0: only its header tells, or only its end */
	lzma_check check;  /* of its stream; where the header tells, it does so by its size */
};

struct xz_decoder {
	const struct payload *payload;
	const struct block_list *list;
	lzma_stream strm;
	lzma_block block;
	struct block at;
	bool ends_in_check; /* of a type that is not known: no byte before it tells how many bytes it has */
	uint64_t next_in; /* payload offset of what is not yet in input */
	uint8_t input[INPUT_SIZE];
};

static bool xz_is_kind(const uint8_t *head, size_t size)
{
	return size >= 6 && memcmp(head,
				   "\xfd"
				   "7zXZ",
				   6) == 0;
}

/* ---- the container ---- */

static int fail_container(const char *name, lzma_ret r, struct fail *f)
{
	switch (r) {
	case LZMA_MEM_ERROR:
		return fail_errno(f, ENOMEM, name, "cannot hold its Index");
	case LZMA_MEMLIMIT_ERROR:
		return fail_set(f, E2BIG, name, "Compress it with larger Blocks.",
				"it has more than %u Blocks or streams", BLOCKS_MAX);
	case LZMA_OPTIONS_ERROR:
		return fail_set(
			f, ENOTSUP, name, "Compress it with xz and its default options.",
			"it uses a feature of the xz format that this version does not support");
	case LZMA_FORMAT_ERROR:
	case LZMA_BUF_ERROR:
		return fail_set(f, EBADMSG, name, CODEC_TODO_COPY,
				"its end is missing or other data follows it: it was cut short or "
				"appended to");
	default:
		return fail_set(f, EBADMSG, name, CODEC_TODO_COPY,
				"its Index, a stream header or a stream footer is damaged");
	}
}

static int read_index(const struct payload *p, lzma_index **ret, struct fail *f)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	uint64_t offset = 0;
	uint8_t input[4096];
	ssize_t n;
	lzma_ret r = lzma_file_info_decoder(&strm, &index, lzma_index_memusage(1, BLOCKS_MAX),
					    p->size);

	while (r == LZMA_OK) {
		if (strm.avail_in == 0) {
			n = payload_read(p, offset, input, sizeof(input));
			if (n < 0) {
				lzma_end(&strm);
				return payload_fail_read(p, (int)n, f);
			}
			strm.next_in = input;
			strm.avail_in = (size_t)n;
			offset += (uint64_t)n;
		}
		r = lzma_code(&strm, offset == p->size ? LZMA_FINISH : LZMA_RUN);
		if (r == LZMA_SEEK_NEEDED) {
			offset = strm.seek_pos;
			strm.avail_in = 0;
			r = LZMA_OK;
		}
	}
	lzma_end(&strm);
	if (r != LZMA_STREAM_END)
		return fail_container(p->name, r, f);
	*ret = index;
	return 0;
}

/* Every check that liblzma can name must be one that it can compute. */
static int check_checks(const char *name, const lzma_index *index, struct fail *f)
{
	uint32_t used = lzma_index_checks(index);

	for (int check = 0; check <= LZMA_CHECK_ID_MAX; check++)
		if (used & (1U << check) && check != LZMA_CHECK_NONE &&
		    !lzma_check_is_supported((lzma_check)check))
			return fail_set(f, ENOTSUP, name, "Compress it with CRC64 or CRC32.",
					"its integrity check (type %d) is unknown", check);
	return 0;
}

/* ---- Block headers ---- */

static int fail_block(const struct payload *p, const struct block *at, lzma_ret r, struct fail *f)
{
	if (r == LZMA_MEM_ERROR)
		return codec_fail_memory(p, at, &codec_xz, f);
	if (r == LZMA_OPTIONS_ERROR)
		return fail_set(
			f, ENOTSUP, p->name, "Compress it with xz and its default options.",
			"Block %llu (byte %llu) uses a filter that this version does not support",
			(unsigned long long)at->number, (unsigned long long)at->offset);
	return codec_fail_damaged(p, at, f);
}

/* The header is at most 1024 bytes; it is brought together even across two parts. */
static int read_header(const struct payload *p, const struct block *at,
		       uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX], struct fail *f)
{
	size_t have = 0, want = 1;
	ssize_t n;

	while (have < want) {
		n = payload_read(p, at->offset + have, header + have, want - have);
		if (n < 0)
			return payload_fail_read(p, (int)n, f);
		if (n == 0)
			return fail_block(p, at, LZMA_DATA_ERROR, f);
		have += (size_t)n;
		if (want == 1)
			want = lzma_block_header_size_decode(header[0]);
	}
	return header[0] == 0 || want > at->total ? fail_block(p, at, LZMA_DATA_ERROR, f) : 0;
}

/* The check of so many bytes; LZMA_CHECK_ID_MAX + 1: none has so many. */
static lzma_check check_of_size(uint64_t size)
{
	static const lzma_check checks[] = { LZMA_CHECK_NONE, LZMA_CHECK_CRC32, LZMA_CHECK_CRC64,
					     LZMA_CHECK_SHA256 };

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (lzma_check_size(checks[i]) == size)
			return checks[i];
	return (lzma_check)(LZMA_CHECK_ID_MAX + 1);
}

/* What the Index would say of a Block whose header has the size of its data: the rest of it are padding and check. Where it has
 * not, *ret stays as it is. */
static lzma_ret derive_from_header(const struct block *at, const uint8_t *header, lzma_block *block,
				   struct xz_block *ret)
{
	uint64_t head = block->header_size, data;
	lzma_ret r;

	block->check = LZMA_CHECK_NONE;
	r = lzma_block_header_decode(block, NULL, header);
	if (r != LZMA_OK)
		return r;
	lzma_filters_free(block->filters, NULL);
	data = block->compressed_size;
	if (data == LZMA_VLI_UNKNOWN)
		return LZMA_OK;
	if (head + (data + 3) / 4 * 4 > at->total)
		return LZMA_DATA_ERROR;
	ret->check = check_of_size(at->total - head - (data + 3) / 4 * 4);
	ret->unpadded = head + data + lzma_check_size(ret->check);
	return ret->check > LZMA_CHECK_ID_MAX ? LZMA_DATA_ERROR : LZMA_OK;
}

/* Reads the header of a Block and holds it against the Index, where that is known. filters has LZMA_FILTERS_MAX + 1 and is
 * the caller's to free, but after a failure. The compressed size of *ret is LZMA_VLI_UNKNOWN when neither tells it. */
static int decode_header(const struct payload *p, const struct block_list *l,
			 const struct block *at, lzma_filter *filters, lzma_block *ret,
			 struct fail *f)
{
	struct xz_block own = ((const struct xz_block *)l->own)[at->number - 1];
	uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];
	lzma_block block = { .version = 1, .filters = filters };
	lzma_ret ret_lzma = LZMA_OK;
	int r = read_header(p, at, header, f);

	if (r < 0)
		return r;
	block.header_size = lzma_block_header_size_decode(header[0]);
	if (own.unpadded == 0)
		ret_lzma = derive_from_header(at, header, &block, &own);
	block.check = own.check;
	if (ret_lzma == LZMA_OK)
		ret_lzma = lzma_block_header_decode(&block, NULL, header);
	if (ret_lzma != LZMA_OK)
		return fail_block(p, at, ret_lzma, f);
	if (own.unpadded)
		ret_lzma = lzma_block_compressed_size(&block, own.unpadded);
	if (ret_lzma == LZMA_OK && block.uncompressed_size != LZMA_VLI_UNKNOWN &&
	    block.uncompressed_size != at->uncompressed)
		ret_lzma = LZMA_DATA_ERROR;
	if (ret_lzma != LZMA_OK) {
		lzma_filters_free(filters, NULL);
		return fail_block(p, at, ret_lzma, f);
	}
	block.uncompressed_size = at->uncompressed;
	*ret = block;
	return 0;
}

/* ---- the list of Blocks ---- */

/* What a decoder for this Block takes. Where its header is not here yet, as much as for the one before. */
static int find_memory(const struct payload *p, const struct block_list *l, struct block *at,
		       struct fail *f)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block block;
	int r;

	if (payload_lacks(p, at->offset, LZMA_BLOCK_HEADER_SIZE_MAX)) {
		at->memory = at->number > 1 ? at[-1].memory : 0;
		return 0;
	}
	r = decode_header(p, l, at, filters, &block, f);
	if (r < 0)
		return r;
	at->memory = lzma_raw_decoder_memusage(filters);
	lzma_filters_free(filters, NULL);
	return at->memory == UINT64_MAX ? fail_block(p, at, LZMA_OPTIONS_ERROR, f) : 0;
}

static int add_block(const lzma_index_iter *i, struct block_list *l)
{
	struct xz_block *own = array_one_more(l->own, l->n, sizeof(*own));

	if (!own)
		return -ENOMEM;
	l->own = own;
	l->own_size = sizeof(*own);
	own[l->n] = (struct xz_block){ i->block.unpadded_size, i->stream.flags->check };
	return block_list_add(l, &(struct block){ .offset = i->block.compressed_file_offset,
						  .total = i->block.total_size,
						  .uncompressed = i->block.uncompressed_size,
						  .is_unchecked = i->stream.flags->check ==
								  LZMA_CHECK_NONE });
}

static int add_blocks(const struct payload *p, const lzma_index *index, struct block_list *l,
		      struct fail *f)
{
	lzma_index_iter i;
	int r = 0;

	lzma_index_iter_init(&i, index);
	while (r == 0 && !lzma_index_iter_next(&i, LZMA_INDEX_ITER_BLOCK)) {
		r = add_block(&i, l);
		if (r < 0)
			return fail_container(p->name,
					      r == -E2BIG ? LZMA_MEMLIMIT_ERROR : LZMA_MEM_ERROR,
					      f);
		r = find_memory(p, l, &l->blocks[l->n - 1], f);
	}
	return r;
}

static int xz_list(const struct payload *p, struct block_list *l, struct fail *f)
{
	lzma_index *index = NULL;
	int r = read_index(p, &index, f);

	if (r < 0)
		return r;
	l->streams = lzma_index_stream_count(index);
	r = check_checks(p->name, index, f);
	if (r == 0)
		r = add_blocks(p, index, l, f);
	lzma_index_end(index, NULL);
	return r;
}

static int xz_list_known(struct block_list *l)
{
	l->own = calloc(l->n + 1, sizeof(struct xz_block));
	if (!l->own)
		return -ENOMEM;
	l->own_size = sizeof(struct xz_block);
	return 0;
}

/* ---- decoders ---- */

static int xz_decoder_new(const struct payload *p, const struct block_list *l, void **ret)
{
	struct xz_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->payload = p;
	d->list = l;
	*ret = d;
	return 0;
}

static void xz_decoder_free(void *decoder)
{
	struct xz_decoder *d = decoder;

	if (!d)
		return;
	lzma_end(&d->strm);
	free(d);
}

/* Brings more of the current Block into the empty input buffer. */
static int fill_input(struct xz_decoder *d, struct fail *f)
{
	uint64_t left = d->at.offset + d->at.total - d->next_in;
	ssize_t n = payload_read(d->payload, d->next_in, d->input,
				 left < INPUT_SIZE ? (size_t)left : INPUT_SIZE);

	if (n < 0)
		return payload_fail_read(d->payload, (int)n, f);
	d->next_in += (uint64_t)n;
	d->strm.next_in = d->input;
	d->strm.avail_in = (size_t)n;
	return 0;
}

static int xz_start(void *decoder, const struct block *block, struct fail *f)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	struct xz_decoder *d = decoder;
	lzma_ret ret;
	int r = decode_header(d->payload, d->list, block, filters, &d->block, f);

	if (r < 0)
		return r;
	d->at = *block;
	d->ends_in_check = d->block.compressed_size == LZMA_VLI_UNKNOWN;
	d->next_in = block->offset + d->block.header_size;
	ret = lzma_block_decoder(&d->strm, &d->block);
	lzma_filters_free(filters, NULL);
	d->block.filters = NULL;
	d->strm.avail_in = 0;
	return ret == LZMA_OK ? 0 : fail_block(d->payload, &d->at, ret, f);
}

static uint64_t xz_position(const void *decoder)
{
	const struct xz_decoder *d = decoder;

	return d->next_in - d->strm.avail_in;
}

/* What follows the last byte of data, padding, check and the end of the Block, needs no room. */
static bool can_go_on(const struct xz_decoder *d)
{
	return d->strm.avail_out > 0 || d->strm.total_out == d->at.uncompressed;
}

/* Behind the data of a Block of which neither Index nor header tells the size. Who lists it so knows its digest, so it is not needed. */
static void skip_check(struct xz_decoder *d)
{
	uint64_t end = d->at.offset + d->at.total;

	if (d->ends_in_check && check_of_size(end - xz_position(d)) <= LZMA_CHECK_ID_MAX) {
		d->next_in = end;
		d->strm.avail_in = 0;
	}
}

static int xz_read(void *decoder, void *buf, size_t size, size_t *ret_size, struct fail *f)
{
	struct xz_decoder *d = decoder;
	uint64_t end = d->at.offset + d->at.total;
	lzma_ret ret = LZMA_OK;
	int r;

	d->strm.next_out = buf;
	d->strm.avail_out = size;
	while (ret == LZMA_OK && can_go_on(d)) {
		if (d->strm.avail_in == 0 && d->next_in < end) {
			r = fill_input(d, f);
			if (r < 0)
				return r;
		}
		ret = lzma_code(&d->strm, LZMA_RUN);
	}
	*ret_size = size - d->strm.avail_out;
	if (ret == LZMA_OK)
		return 1;
	if (ret == LZMA_STREAM_END)
		skip_check(d);
	/* The decoder itself holds both sizes against those that the Index gave it. */
	if (ret == LZMA_STREAM_END && xz_position(d) == end)
		return 0;
	return fail_block(d->payload, &d->at, ret == LZMA_STREAM_END ? LZMA_DATA_ERROR : ret, f);
}

const struct codec codec_xz = {
	.name = "xz",
	.suffix = ".xz",
	.decoder_size = sizeof(struct xz_decoder),
	.smaller = "a smaller dictionary (xz -6)",
	.is_kind = xz_is_kind,
	.list = xz_list,
	.list_known = xz_list_known,
	.decoder_new = xz_decoder_new,
	.decoder_free = xz_decoder_free,
	.start = xz_start,
	.read = xz_read,
	.position = xz_position,
};
