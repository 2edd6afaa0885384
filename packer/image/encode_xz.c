/* By liblzma's threaded encoder: one stream, sizes in the headers of its Blocks, CRC64. */
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

#include "image/encode.h"

#define OUTPUT_SIZE (1 << 20)

struct encoder {
	encode_output *output;
	void *arg;
	lzma_stream strm;
	uint8_t buffer[OUTPUT_SIZE];
};

static const struct {
	uint32_t preset;
	uint64_t block_size;
} levels[] = {
	[ENCODE_FAST] = { 1, 16ULL << 20 },
	[ENCODE_NORMAL] = { 6, 16ULL << 20 },
	[ENCODE_BEST] = { 9 | LZMA_PRESET_EXTREME, 64ULL << 20 },
};

static void xz_free(struct encoder *e)
{
	if (!e)
		return;
	lzma_end(&e->strm);
	free(e);
}

static int xz_open(const struct encode_settings *s, encode_output *output, void *arg,
		   struct encoder **ret)
{
	struct encoder *e = calloc(1, sizeof(*e));
	lzma_mt mt = {
		.threads = s->threads ? s->threads : lzma_cputhreads(),
		.block_size = s->block_size ? s->block_size : levels[s->level].block_size,
		.preset = levels[s->level].preset,
		.check = LZMA_CHECK_CRC64,
	};
	lzma_ret r;

	if (!e)
		return -ENOMEM;
	if (mt.threads == 0)
		mt.threads = 1;
	e->output = output;
	e->arg = arg;
	r = lzma_stream_encoder_mt(&e->strm, &mt);
	e->strm.next_out = e->buffer;
	e->strm.avail_out = OUTPUT_SIZE;
	if (r == LZMA_OK) {
		*ret = e;
		return 0;
	}
	xz_free(e);
	return r == LZMA_MEM_ERROR ? -ENOMEM : -EINVAL;
}

static int write_buffer(struct encoder *e, struct fail *f)
{
	int r = e->output(e->arg, e->buffer, OUTPUT_SIZE - e->strm.avail_out, f);

	e->strm.next_out = e->buffer;
	e->strm.avail_out = OUTPUT_SIZE;
	return r;
}

/* Runs the encoder until the input is taken or, with LZMA_FINISH, all is written. */
static int encode(struct encoder *e, lzma_action action, struct fail *f)
{
	lzma_ret ret = LZMA_OK;
	int r = 0;

	while (r == 0 && ret == LZMA_OK && (e->strm.avail_in > 0 || action == LZMA_FINISH)) {
		ret = lzma_code(&e->strm, action);
		if (e->strm.avail_out == 0 || ret == LZMA_STREAM_END)
			r = write_buffer(e, f);
	}
	if (r == 0 && ret != LZMA_OK && ret != LZMA_STREAM_END)
		return encode_fail(ret == LZMA_MEM_ERROR ? ENOMEM : EIO, f);
	return r;
}

static int xz_add(struct encoder *e, const void *data, size_t size, struct fail *f)
{
	e->strm.next_in = data;
	e->strm.avail_in = size;
	return encode(e, LZMA_RUN, f);
}

static int xz_finish(struct encoder *e, struct fail *f)
{
	return encode(e, LZMA_FINISH, f);
}

const struct encode_kind encode_xz = { .name = "xz",
				       .suffix = ".xz",
				       .open = xz_open,
				       .add = xz_add,
				       .finish = xz_finish,
				       .free = xz_free };
