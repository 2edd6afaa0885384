/* A tar into an encoder. */
#include "image/payload_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tar/tar_write.h"

struct payload_writer {
	int fd;
	const char *path;
	struct tar_writer *tar;
	const struct encode_kind *kind;
	struct encoder *encoder;
	struct payload_totals totals;
};

static const char target[] = "the payload";

static int write_output(void *arg, const void *data, size_t size, struct fail *f)
{
	struct payload_writer *w = arg;
	const char *at = data;
	ssize_t n;

	w->totals.compressed += size;
	for (; size > 0; at += n, size -= (size_t)n) {
		n = write(w->fd, at, size);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return fail_set(
				f, errno, w->path,
				"Make room in its directory: for a moment it has the payload "
				"twice.",
				"cannot write the payload aside, next to it: %s", strerror(errno));
	}
	return 0;
}

static int write_tar(void *arg, const void *data, size_t size, struct fail *f)
{
	struct payload_writer *w = arg;

	w->totals.tar += size;
	return w->kind->add(w->encoder, data, size, f);
}

int payload_writer_open(int fd, const char *path, const struct encode_kind *kind,
			const struct encode_settings *settings, struct payload_writer **ret,
			struct fail *f)
{
	struct payload_writer *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (w) {
		w->fd = fd;
		w->path = path;
		w->kind = kind;
		r = tar_writer_open(write_tar, w, &w->tar);
		if (r == 0)
			r = kind->open(settings, write_output, w, &w->encoder);
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

	return r < 0 ? r : w->kind->finish(w->encoder, f);
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
	w->kind->free(w->encoder);
	free(w);
}
