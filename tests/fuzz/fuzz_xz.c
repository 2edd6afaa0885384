/*
 * Containers that lie: every Block of a file is decoded and thrown away. The first byte chooses how
 * many bytes are asked for at a time, the second where the payload is cut in two parts.
 *
 * Promises: a Block gives what the Index says; the engine and liblzma's own decoder of whole files
 * find the same files good and read the same from them; so does the engine's pipeline of threads.
 */
#define OWN_BYTES 2

#include <lzma.h>

#include "codec/codec.h"
#include "fuzz.h"
#include "limits.h"
#include "mutate_xz.h"
#include "engine/unpack.h"

#define OUTPUT_MAX (1 << 18) /* decoded bytes of an input: no bombs */

static uint8_t ours[OUTPUT_MAX], theirs[OUTPUT_MAX + 1];

/* Decodes one Block behind *used. 0, -errno, or -E2BIG for too much. */
static int decode_block(void *d, const struct block *block, size_t step, size_t *used,
			struct fail *f)
{
	uint64_t before = block->offset, position;
	size_t start = *used, got = 0;
	int r = codec_xz.start(d, block, f);

	while (r >= 0) {
		if (step > OUTPUT_MAX - *used)
			return -E2BIG;
		r = codec_xz.read(d, ours + *used, step, &got, f);
		promise(got <= step);
		*used += got;
		position = codec_xz.position(d);
		promise(position >= before && position <= block->offset + block->total);
		before = position;
		if (r == 0)
			break;
		promise(r < 0 || got == step);
	}
	promise(r < 0 || *used - start == block->uncompressed);
	return r;
}

static int decode_all(const struct payload *p, size_t step, size_t *used, struct fail *f)
{
	const struct block *b;
	struct block_list l;
	void *d = NULL;
	int r = block_list_read(p, &l, f);

	if (r < 0)
		return r;
	r = codec_xz.decoder_new(p, &l, &d);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		b = &l.blocks[i];
		promise(b->number == i + 1 && b->uncompressed <= l.largest);
		promise(b->offset + b->total <= p->size && b->start == *used);
		r = decode_block(d, b, step, used, f);
	}
	promise(r < 0 || *used == l.uncompressed);
	codec_xz.decoder_free(d);
	block_list_free(&l);
	return r;
}

/* What liblzma says of the whole file: LZMA_STREAM_END, LZMA_OK for too much, or its error. */
static lzma_ret decode_theirs(const uint8_t *data, size_t size, size_t *ret_used)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_ret r = lzma_stream_decoder(&strm, 64 << 20,
					 LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK);

	strm.next_in = data;
	strm.avail_in = size;
	strm.next_out = theirs;
	strm.avail_out = sizeof(theirs);
	if (r == LZMA_OK)
		r = lzma_code(&strm, LZMA_FINISH);
	*ret_used = sizeof(theirs) - strm.avail_out;
	lzma_end(&strm);
	return r;
}

/* Whatever the tar in it is, a file that is not whole must not be unpacked. */
static int unpack(const struct payload *p, uint8_t choice, struct fail *f)
{
	const struct engine_plan plan = { .threads = 1 + choice % 3,
					  .decoders = 1 + choice % 3,
					  .pool = 1 };
	const struct unpack_options options = { .root_fd = -1, .plan = &plan };
	struct unpack_result result;

	return unpack_run(p, &options, &result, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 65536, 4096, 61, 1 };
	size_t used = 0, their_used;
	struct fail f = { 0 };
	struct payload p;
	lzma_ret theirs_r;
	int r;

	if (size < OWN_BYTES)
		return 0;
	payload_of(data + OWN_BYTES, size - OWN_BYTES, data[1] * (size - OWN_BYTES) / 256, &p);
	r = decode_all(&p, steps[data[0] & 3], &used, &f);
	theirs_r = decode_theirs(data + OWN_BYTES, size - OWN_BYTES, &their_used);
	if (r == 0)
		promise(theirs_r == LZMA_STREAM_END || theirs_r == LZMA_MEMLIMIT_ERROR);
	if (theirs_r == LZMA_STREAM_END && r != -E2BIG && r != -ENOMEM)
		promise(r == 0 && used == their_used && memcmp(ours, theirs, used) == 0);
	if (r != -E2BIG && data[0] & 4)
		promise(unpack(&p, data[0] >> 4, &f) < 0 || r == 0);
	fuzz_accepted += r == 0;
	payload_close(&p);
	return 0;
}
