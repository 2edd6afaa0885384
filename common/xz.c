/* xz containers and Blocks by liblzma. */
#include "xz.h"

#include <errno.h>
#include <lzma.h>
#include <string.h>

#if LZMA_VERSION < 50080012 /* 5.8.1 */
#error "liblzma before 5.8.1 is refused: CVE-2025-31115"
#endif

#define INPUT_SIZE 65536

static const char todo_copy[] = "Copy or build it again; `tarboot verify` on the server tells "
				"whether it is whole there.";

struct xz_file {
	lzma_index *index;
	lzma_index_iter iter;
};

struct xz_decoder {
	const struct payload *payload;
	lzma_stream strm;
	lzma_block block;
	struct xz_block at;
	uint64_t next_in; /* payload offset of what is not yet in input */
	uint8_t input[INPUT_SIZE];
};

/* ---- the container ---- */

static int fail_container(const char *name, lzma_ret r, struct fail *f)
{
	switch (r) {
	case LZMA_MEM_ERROR:
		return fail_errno(f, ENOMEM, name, "cannot hold its Index");
	case LZMA_OPTIONS_ERROR:
		return fail_set(f, ENOTSUP, name, "Compress it with an ordinary xz.",
				"it uses a feature of the xz format that this version lacks");
	case LZMA_FORMAT_ERROR:
	case LZMA_BUF_ERROR:
		return fail_set(f, EBADMSG, name, todo_copy,
				"its end is missing or something follows it: it was cut short or "
				"added to");
	default:
		return fail_set(f, EBADMSG, name, todo_copy,
				"its Index, a stream header or a stream footer is damaged");
	}
}

static int check_magic(const struct payload *p, struct fail *f)
{
	static const uint8_t magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
	uint8_t head[sizeof(magic)];
	size_t have = 0;
	ssize_t n;

	if (p->size == 0)
		return fail_set(f, EBADMSG, p->name, todo_copy, "it is empty");
	while (have < sizeof(head)) {
		n = payload_read(p, have, head + have, sizeof(head) - have);
		if (n < 0)
			return fail_errno(f, (int)n, p->name, "cannot read it");
		if (n == 0)
			break;
		have += (size_t)n;
	}
	if (have < sizeof(head) || memcmp(head, magic, sizeof(magic)) != 0)
		return fail_set(f, EBADMSG, p->name, "Make it with tar and xz, or `tarboot pack`.",
				"it is not an xz file (no xz magic at its start)");
	return 0;
}

static int read_index(const struct payload *p, lzma_index **ret, struct fail *f)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	uint64_t offset = 0;
	uint8_t input[4096];
	ssize_t n;
	lzma_ret r = lzma_file_info_decoder(&strm, &index, UINT64_MAX, p->size);

	while (r == LZMA_OK) {
		if (strm.avail_in == 0) {
			n = payload_read(p, offset, input, sizeof(input));
			if (n < 0) {
				lzma_end(&strm);
				return fail_errno(f, (int)n, p->name, "cannot read it");
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

int xz_file_open(const struct payload *p, struct xz_file **ret, struct fail *f)
{
	struct xz_file *x;
	lzma_index *index = NULL;
	int r = check_magic(p, f);

	if (r == 0)
		r = read_index(p, &index, f);
	if (r < 0)
		return r;
	r = check_checks(p->name, index, f);
	x = calloc(1, sizeof(*x));
	if (!x)
		r = fail_errno(f, ENOMEM, p->name, "cannot hold its Index");
	if (r < 0) {
		free(x);
		lzma_index_end(index, NULL);
		return r;
	}
	x->index = index;
	lzma_index_iter_init(&x->iter, index);
	*ret = x;
	return 0;
}

void xz_file_close(struct xz_file *x)
{
	if (!x)
		return;
	lzma_index_end(x->index, NULL);
	free(x);
}

uint64_t xz_file_block_count(const struct xz_file *x)
{
	return lzma_index_block_count(x->index);
}

uint64_t xz_file_stream_count(const struct xz_file *x)
{
	return lzma_index_stream_count(x->index);
}

uint64_t xz_file_uncompressed(const struct xz_file *x)
{
	return lzma_index_uncompressed_size(x->index);
}

uint64_t xz_file_largest_block(const struct xz_file *x)
{
	lzma_index_iter iter;
	uint64_t largest = 0;

	lzma_index_iter_init(&iter, x->index);
	while (!lzma_index_iter_next(&iter, LZMA_INDEX_ITER_BLOCK))
		if (iter.block.uncompressed_size > largest)
			largest = iter.block.uncompressed_size;
	return largest;
}

bool xz_file_next_block(struct xz_file *x, struct xz_block *ret)
{
	if (lzma_index_iter_next(&x->iter, LZMA_INDEX_ITER_BLOCK))
		return false;
	*ret = (struct xz_block){
		.number = x->iter.block.number_in_file,
		.offset = x->iter.block.compressed_file_offset,
		.unpadded = x->iter.block.unpadded_size,
		.total = x->iter.block.total_size,
		.uncompressed = x->iter.block.uncompressed_size,
		.check = (int)x->iter.stream.flags->check,
	};
	return true;
}

/* ---- Blocks ---- */

int xz_decoder_new(const struct payload *p, struct xz_decoder **ret)
{
	struct xz_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->payload = p;
	*ret = d;
	return 0;
}

void xz_decoder_free(struct xz_decoder *d)
{
	if (!d)
		return;
	lzma_end(&d->strm);
	free(d);
}

static int fail_block(struct xz_decoder *d, lzma_ret r, struct fail *f)
{
	unsigned long long number = d->at.number, offset = d->at.offset;

	if (r == LZMA_MEM_ERROR)
		return fail_set(
			f, ENOMEM, d->payload->name,
			"Use fewer threads (tarboot.threads=1), add memory, or compress with "
			"a smaller dictionary (xz -6).",
			"no memory to decode Block %llu", number);
	if (r == LZMA_OPTIONS_ERROR)
		return fail_set(f, ENOTSUP, d->payload->name, "Compress it with an ordinary xz.",
				"Block %llu (byte %llu) uses a filter that this version lacks",
				number, offset);
	return fail_set(f, EBADMSG, d->payload->name, todo_copy,
			"Block %llu (byte %llu) is damaged", number, offset);
}

/* Brings more of the current Block into the empty input buffer. */
static int fill_input(struct xz_decoder *d, struct fail *f)
{
	uint64_t left = d->at.offset + d->at.total - d->next_in;
	ssize_t n = payload_read(d->payload, d->next_in, d->input,
				 left < INPUT_SIZE ? (size_t)left : INPUT_SIZE);

	if (n < 0)
		return fail_errno(f, (int)n, d->payload->name, "cannot read it");
	d->next_in += (uint64_t)n;
	d->strm.next_in = d->input;
	d->strm.avail_in = (size_t)n;
	return 0;
}

/* The header is at most 1024 bytes; it is brought together even across two parts. */
static int read_header(struct xz_decoder *d, uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX],
		       struct fail *f)
{
	size_t have = 0, want = 1;
	ssize_t n;

	while (have < want) {
		n = payload_read(d->payload, d->at.offset + have, header + have, want - have);
		if (n < 0)
			return fail_errno(f, (int)n, d->payload->name, "cannot read it");
		if (n == 0)
			return fail_block(d, LZMA_DATA_ERROR, f);
		have += (size_t)n;
		if (want == 1)
			want = lzma_block_header_size_decode(header[0]);
	}
	d->block.header_size = (uint32_t)want;
	d->next_in = d->at.offset + want;
	return header[0] == 0 || want > d->at.unpadded ? fail_block(d, LZMA_DATA_ERROR, f) : 0;
}

int xz_decoder_start(struct xz_decoder *d, const struct xz_block *block, struct fail *f)
{
	uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_ret ret;
	int r;

	d->at = *block;
	d->block =
		(lzma_block){ .version = 1, .check = (lzma_check)block->check, .filters = filters };
	r = read_header(d, header, f);
	if (r < 0)
		return r;
	ret = lzma_block_header_decode(&d->block, NULL, header);
	if (ret != LZMA_OK)
		return fail_block(d, ret, f);
	ret = lzma_block_compressed_size(&d->block, block->unpadded);
	if (ret == LZMA_OK && d->block.uncompressed_size != LZMA_VLI_UNKNOWN &&
	    d->block.uncompressed_size != block->uncompressed)
		ret = LZMA_DATA_ERROR;
	d->block.uncompressed_size = block->uncompressed;
	if (ret == LZMA_OK)
		ret = lzma_block_decoder(&d->strm, &d->block);
	lzma_filters_free(filters, NULL);
	d->block.filters = NULL;
	d->strm.avail_in = 0;
	return ret == LZMA_OK ? 0 : fail_block(d, ret, f);
}

int xz_decoder_read(struct xz_decoder *d, void *buf, size_t size, size_t *ret_size, struct fail *f)
{
	uint64_t end = d->at.offset + d->at.total;
	lzma_ret ret = LZMA_OK;
	int r;

	d->strm.next_out = buf;
	d->strm.avail_out = size;
	/* With all bytes out, go on without room: only padding, check and the end may follow. */
	while (ret == LZMA_OK &&
	       (d->strm.avail_out > 0 || d->strm.total_out == d->at.uncompressed)) {
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
	/* The decoder itself holds both sizes against those that the Index gave it. */
	if (ret == LZMA_STREAM_END && xz_decoder_position(d) == end)
		return 0;
	return fail_block(d, ret == LZMA_STREAM_END ? LZMA_DATA_ERROR : ret, f);
}

uint64_t xz_decoder_position(const struct xz_decoder *d)
{
	return d->next_in - d->strm.avail_in;
}
