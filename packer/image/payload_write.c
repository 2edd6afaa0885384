/* A tar into liblzma's threaded encoder. */
#include "image/payload_write.h"

#include <errno.h>
#include <lzma.h>
#include <string.h>

#include "tar/tar_write.h"

#define OUTPUT_SIZE (1 << 20)

struct payload_writer {
	int fd;
	struct tar_writer *tar;
	lzma_stream strm;
	struct payload_totals totals;
	uint8_t output[OUTPUT_SIZE];
};

static const char target[] = "the payload";

static int write_output(struct payload_writer *w, struct fail *f)
{
	size_t size = OUTPUT_SIZE - w->strm.avail_out, done = 0;
	ssize_t n;

	while (done < size) {
		n = write(w->fd, w->output + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_set(f, errno, target,
					"It is written aside, next to the image: make room there.",
					"cannot write it: %s", strerror(errno));
		done += (size_t)n;
	}
	w->totals.compressed += size;
	w->strm.next_out = w->output;
	w->strm.avail_out = OUTPUT_SIZE;
	return 0;
}

/* Runs the encoder until the input is taken or, with LZMA_FINISH, all is written. */
static int encode(struct payload_writer *w, lzma_action action, struct fail *f)
{
	lzma_ret ret = LZMA_OK;
	int r = 0;

	while (r == 0 && ret == LZMA_OK && (w->strm.avail_in > 0 || action == LZMA_FINISH)) {
		ret = lzma_code(&w->strm, action);
		if (w->strm.avail_out == 0 || ret == LZMA_STREAM_END)
			r = write_output(w, f);
	}
	if (r == 0 && ret != LZMA_OK && ret != LZMA_STREAM_END)
		r = fail_set(f, ret == LZMA_MEM_ERROR ? ENOMEM : EIO, target,
			     "Pack with fewer --threads.", "cannot compress (liblzma error %d)",
			     (int)ret);
	return r;
}

static int write_tar(void *arg, const void *data, size_t size, struct fail *f)
{
	struct payload_writer *w = arg;

	w->totals.tar += size;
	w->strm.next_in = data;
	w->strm.avail_in = size;
	return encode(w, LZMA_RUN, f);
}

static int start_encoder(struct payload_writer *w, const struct payload_settings *s)
{
	lzma_mt mt = {
		.threads = s->threads ? s->threads : lzma_cputhreads(),
		.block_size = s->block_size,
		.preset = s->preset,
		.check = LZMA_CHECK_CRC64,
	};
	lzma_ret ret;

	if (mt.threads == 0)
		mt.threads = 1;
	ret = lzma_stream_encoder_mt(&w->strm, &mt);
	w->strm.next_out = w->output;
	w->strm.avail_out = OUTPUT_SIZE;
	return ret == LZMA_OK ? 0 : ret == LZMA_MEM_ERROR ? -ENOMEM : -EINVAL;
}

int payload_writer_open(int fd, const struct payload_settings *settings,
			struct payload_writer **ret, struct fail *f)
{
	struct payload_writer *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (w) {
		w->fd = fd;
		r = tar_writer_open(write_tar, w, &w->tar);
		if (r == 0)
			r = start_encoder(w, settings);
	}
	if (r < 0) {
		payload_writer_free(w);
		return fail_set(f, -r, target, "Pack with fewer --threads.",
				"cannot start to compress: %s", strerror(-r));
	}
	*ret = w;
	return 0;
}

static void count_member(struct payload_writer *w, const struct member *m,
			 const struct tar_extent *extents, size_t n_extents)
{
	treesize_add_member(&w->totals.tree, m);
	if (m->type == MEMBER_FILE && n_extents == 0)
		treesize_add_data(&w->totals.tree, 0, m->size);
	for (size_t i = 0; i < n_extents; i++)
		treesize_add_data(&w->totals.tree, extents[i].offset, extents[i].size);
}

int payload_writer_add(struct payload_writer *w, const struct member *m,
		       const struct tar_extent *extents, size_t n_extents, struct fail *f)
{
	int r = tar_writer_add(w->tar, m, extents, n_extents, f);

	if (r == 0)
		count_member(w, m, extents, n_extents);
	return r;
}

int payload_writer_data(struct payload_writer *w, const void *data, size_t size, uint64_t offset,
			struct fail *f)
{
	return tar_writer_data(w->tar, data, size, offset, f);
}

int payload_writer_finish(struct payload_writer *w, struct fail *f)
{
	int r = tar_writer_finish(w->tar, f);

	return r < 0 ? r : encode(w, LZMA_FINISH, f);
}

const struct payload_totals *payload_writer_totals(const struct payload_writer *w)
{
	return &w->totals;
}

void payload_writer_free(struct payload_writer *w)
{
	if (!w)
		return;
	tar_writer_free(w->tar);
	lzma_end(&w->strm);
	free(w);
}
