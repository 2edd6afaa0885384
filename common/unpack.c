/*
 * The parser: one tar reader fed with the pipeline's chunks. It alone decides what happens to names,
 * in archive order; file data goes back to the pipeline.
 */
#include "unpack.h"

#include <errno.h>

#include "pipeline.h"
#include "tar_read.h"

struct unpack {
	struct pipeline *pipeline;
	struct tree *tree; /* NULL: check only */
	struct tar_reader *tar;
	struct unpack_progress *progress;
	struct fail *fail;
};

/* A failed pipeline knows why; pipeline_stop tells it. */
static int next_chunk(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct unpack *u = arg;

	(void)f;
	return pipeline_next(u->pipeline, ret_data, ret_size);
}

/* Sends the data of one member to its file; holes are not sent. */
static int write_data(struct unpack *u, struct tree_file *file)
{
	struct fail unused;
	const void *data;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = tar_reader_data(u->tar, &data, &size, &offset, u->fail)) > 0) {
		r = pipeline_write(u->pipeline, file, data, size, offset, false);
		if (r < 0)
			break;
	}
	if (r == 0)
		return pipeline_write(u->pipeline, file, NULL, 0, 0, true);
	tree_file_release(file, false, &unused);
	return r;
}

static int add_member(struct unpack *u, const struct member *m)
{
	struct tree_file *file = NULL;
	int r = u->tree ? tree_add(u->tree, m, &file, u->fail) : 0;

	if (u->progress)
		atomic_store(&u->progress->members, tar_reader_members(u->tar));
	return r == 0 && file ? write_data(u, file) : r;
}

static int parse(struct unpack *u)
{
	struct member m;
	int r;

	while ((r = tar_reader_next(u->tar, &m, u->fail)) > 0) {
		r = add_member(u, &m);
		member_free(&m);
		if (r < 0)
			break;
	}
	return r;
}

static int unpack_with_tree(const struct payload *p, struct xz_file *x, struct tree *tree,
			    const struct unpack_options *options, struct unpack_result *ret,
			    struct fail *f)
{
	struct unpack u = { .tree = tree, .progress = options->progress, .fail = f };
	struct unpack_result result = { .blocks = xz_file_block_count(x) };
	int r = pipeline_start(p, x, options, &u.pipeline, f);

	if (r < 0)
		return r;
	result.threads = pipeline_threads(u.pipeline);
	r = tar_reader_open(next_chunk, &u, p->name, &u.tar, f);
	if (r == 0) {
		r = parse(&u);
		result.bytes = tar_reader_bytes(u.tar);
		result.members = tar_reader_members(u.tar);
		tar_reader_close(u.tar);
	}
	if (r == 0)
		r = pipeline_drain(u.pipeline);
	r = pipeline_stop(u.pipeline, r, f);
	if (r == 0 && tree)
		r = tree_finish(tree, f);
	if (r < 0)
		return r;
	if (tree)
		tree_losses(tree, &result.losses);
	*ret = result;
	return 0;
}

int unpack_run(const struct payload *p, const struct unpack_options *options,
	       struct unpack_result *ret, struct fail *f)
{
	struct tree *tree = NULL;
	struct xz_file *x;
	int r = xz_file_open(p, &x, f);

	if (r < 0)
		return r;
	if (options->progress)
		atomic_store(&options->progress->total, xz_file_uncompressed(x));
	if (options->root_fd >= 0) {
		r = tree_new(options->root_fd, &tree);
		if (r < 0)
			fail_errno(f, r, "the new root", "cannot start to fill it");
	}
	if (r == 0)
		r = unpack_with_tree(p, x, tree, options, ret, f);
	tree_free(tree);
	xz_file_close(x);
	return r;
}
