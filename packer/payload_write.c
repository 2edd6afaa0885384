/* libarchive's pax writer into liblzma's threaded encoder. */
#include "payload_write.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <lzma.h>
#include <string.h>

#include "tar_memory.h"

#define OUTPUT_SIZE (1 << 20)

struct payload_writer {
	int fd;
	struct archive *archive;
	struct archive_entry *entry;
	lzma_stream strm;
	struct payload_totals totals;
	uint64_t position; /* in the data of the current member */
	uint64_t end;      /* size of the current member if it has holes, else 0 */
	struct fail fail;  /* met inside libarchive's callbacks */
	uint8_t output[OUTPUT_SIZE];
};

static const char target[] = "the payload";

static int write_output(struct payload_writer *w)
{
	size_t size = OUTPUT_SIZE - w->strm.avail_out, done = 0;
	ssize_t n;

	while (done < size) {
		n = write(w->fd, w->output + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_set(&w->fail, errno, target,
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
static int encode(struct payload_writer *w, lzma_action action)
{
	lzma_ret ret = LZMA_OK;
	int r = 0;

	while (r == 0 && ret == LZMA_OK && (w->strm.avail_in > 0 || action == LZMA_FINISH)) {
		ret = lzma_code(&w->strm, action);
		if (w->strm.avail_out == 0 || ret == LZMA_STREAM_END)
			r = write_output(w);
	}
	if (r == 0 && ret != LZMA_OK && ret != LZMA_STREAM_END)
		r = fail_set(&w->fail, ret == LZMA_MEM_ERROR ? ENOMEM : EIO, target,
			     "Pack with fewer --threads.", "cannot compress (liblzma error %d)",
			     (int)ret);
	return r;
}

static la_ssize_t write_tar(struct archive *a, void *arg, const void *data, size_t size)
{
	struct payload_writer *w = arg;

	(void)a;
	w->totals.tar += size;
	w->strm.next_in = data;
	w->strm.avail_in = size;
	return encode(w, LZMA_RUN) < 0 ? -1 : (la_ssize_t)size;
}

static int fail_archive(struct payload_writer *w, const char *what, struct fail *f)
{
	const char *text = archive_error_string(w->archive);

	if (w->fail.error) {
		*f = w->fail;
		return -f->error;
	}
	if (tar_memory_lacked())
		return fail_errno(f, ENOMEM, what, "cannot write it to the archive");
	return fail_set(f, EIO, what, NULL, "cannot write it to the archive: %s",
			text ? text : "unknown error");
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

static int start_archive(struct payload_writer *w)
{
	struct archive *a = w->archive;

	/* Full pax: ns times. One name for an xattr, the one that GNU tar knows. No padding. */
	if (archive_write_set_format_pax(a) != ARCHIVE_OK ||
	    archive_write_set_options(a, "xattrheader=SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, 0) != ARCHIVE_OK ||
	    archive_write_open(a, w, NULL, write_tar, NULL) != ARCHIVE_OK)
		return -EIO;
	return 0;
}

int payload_writer_open(int fd, const struct payload_settings *settings,
			struct payload_writer **ret, struct fail *f)
{
	struct payload_writer *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (w) {
		w->fd = fd;
		w->archive = archive_write_new();
		w->entry = archive_entry_new();
		r = w->archive && w->entry ? start_encoder(w, settings) : -ENOMEM;
		if (r == 0)
			r = start_archive(w);
	}
	if (r < 0) {
		payload_writer_free(w);
		return fail_set(f, -r, target, "Pack with fewer --threads.",
				"cannot start to compress: %s", strerror(-r));
	}
	*ret = w;
	return 0;
}

static void count_member(struct payload_writer *w, const struct source_member *s)
{
	treesize_add_member(&w->totals.tree, &s->m);
	if (s->m.type == MEMBER_FILE && s->n_extents == 0)
		treesize_add_data(&w->totals.tree, 0, s->m.size);
	for (size_t i = 0; i < s->n_extents; i++)
		treesize_add_data(&w->totals.tree, s->extents[i].offset, s->extents[i].size);
}

/* libarchive's pax writer takes holes out by itself: it wants the file as it reads, so they are fed
 * to it as zeros, which it drops unseen; it writes the map with the first of them. */
static int feed_hole(struct payload_writer *w, uint64_t end)
{
	static char zeros[1 << 20]; /* not const: .bss, not a megabyte of the program */

	while (w->position < end) {
		uint64_t left = end - w->position;
		size_t size = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

		if (archive_write_data(w->archive, zeros, size) != (la_ssize_t)size)
			return -EIO;
		w->position += size;
	}
	return 0;
}

int payload_writer_add(struct payload_writer *w, const struct source_member *m, struct fail *f)
{
	int r;

	if (feed_hole(w, w->end) < 0)
		return fail_archive(w, target, f);
	w->position = 0;
	w->end = m->n_extents ? m->m.size : 0;
	archive_entry_clear(w->entry);
	r = member_to_entry(&m->m, w->entry, f);
	if (r < 0)
		return r;
	for (size_t i = 0; i < m->n_extents; i++)
		archive_entry_sparse_add_entry(w->entry, (int64_t)m->extents[i].offset,
					       (int64_t)m->extents[i].size);
	/* ARCHIVE_WARN: the name is not UTF-8; it is written as the bytes that it is. */
	r = archive_write_header(w->archive, w->entry);
	if ((r != ARCHIVE_OK && r != ARCHIVE_WARN) || tar_memory_lacked())
		return fail_archive(w, m->m.path, f);
	count_member(w, m);
	return 0;
}

int payload_writer_data(struct payload_writer *w, const void *data, size_t size, uint64_t offset,
			struct fail *f)
{
	if (offset < w->position)
		return fail_set(f, EBADMSG, "the root archive",
				"Make it again with tar --sparse, or without.",
				"the data of a sparse file is not in order");
	if (feed_hole(w, offset) < 0 ||
	    archive_write_data(w->archive, data, size) != (la_ssize_t)size)
		return fail_archive(w, target, f);
	w->position += size;
	return 0;
}

int payload_writer_finish(struct payload_writer *w, struct fail *f)
{
	if (feed_hole(w, w->end) < 0 || archive_write_close(w->archive) != ARCHIVE_OK ||
	    tar_memory_lacked())
		return fail_archive(w, target, f);
	if (encode(w, LZMA_FINISH) < 0) {
		*f = w->fail;
		return -f->error;
	}
	return 0;
}

const struct payload_totals *payload_writer_totals(const struct payload_writer *w)
{
	return &w->totals;
}

void payload_writer_free(struct payload_writer *w)
{
	if (!w)
		return;
	if (w->archive)
		archive_write_free(w->archive);
	archive_entry_free(w->entry);
	lzma_end(&w->strm);
	free(w);
}
