/*
 * The parser: one libarchive tar reader fed with the pipeline's chunks. It alone decides what
 * happens to names, in archive order; file data goes back to the pipeline.
 */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "member.h"
#include "pipeline.h"

#define ARCHIVE "the root archive"

struct unpack {
	struct pipeline *pipeline;
	struct tree *tree; /* NULL: check only */
	struct unpack_progress *progress;
	uint64_t bytes, members;
	const char *last; /* what the pipeline gave last */
	size_t last_size;
	bool at_end; /* it has given all it has */
	int error;   /* of the pipeline, met inside libarchive */
	struct fail *fail;
};

static la_ssize_t read_chunk(struct archive *a, void *arg, const void **ret_data)
{
	struct unpack *u = arg;
	size_t size = 0;
	int r = pipeline_next(u->pipeline, ret_data, &size);

	(void)a;
	if (r < 0) {
		u->error = r;
		return -1;
	}
	u->at_end = r == 0;
	u->bytes += size;
	if (r > 0) {
		u->last = *ret_data;
		u->last_size = size;
	}
	return (la_ssize_t)size;
}

/* libarchive's errors are about the tar format; those of the pipeline come through it. */
static int fail_archive(struct unpack *u, struct archive *a, const char *what)
{
	const char *text = archive_error_string(a);

	if (u->error < 0)
		return u->error;
	return fail_set(u->fail, EBADMSG, what, "Pack the root again with tar or `tarboot pack`.",
			"the tar archive is damaged: %s", text ? text : "unknown error");
}

/* Sends the data of one member to its file; holes are not sent. */
static int write_data(struct unpack *u, struct archive *a, const struct member *m,
		      struct tree_file *file)
{
	struct fail unused;
	const void *data;
	size_t size;
	la_int64_t offset;
	int r;

	while ((r = archive_read_data_block(a, &data, &size, &offset)) == ARCHIVE_OK) {
		if (size == 0)
			continue;
		r = pipeline_write(u->pipeline, file, data, size, (uint64_t)offset, false);
		if (r < 0) {
			tree_file_release(file, false, &unused);
			return r;
		}
	}
	if (r != ARCHIVE_EOF) {
		tree_file_release(file, false, &unused);
		return fail_archive(u, a, m->path);
	}
	return pipeline_write(u->pipeline, file, NULL, 0, 0, true);
}

static int add_member(struct unpack *u, struct archive *a, struct archive_entry *e)
{
	struct tree_file *file = NULL;
	struct member m;
	int r = member_from_entry(e, &m, u->fail);

	if (r < 0)
		return r;
	if (u->tree)
		r = tree_add(u->tree, &m, &file, u->fail);
	if (r == 0 && file)
		r = write_data(u, a, &m, file);
	member_free(&m);
	u->members++;
	if (u->progress)
		atomic_store(&u->progress->members, u->members);
	return r;
}

/* libarchive warns of a name that is not UTF-8 and keeps its bytes; its other warnings are about
 * attributes that it lost. */
static bool is_harmless(int r, struct archive *a)
{
	const char *text = archive_error_string(a);

	return r == ARCHIVE_WARN && text && strstr(text, "can't be converted");
}

static int add_members(struct unpack *u, struct archive *a)
{
	struct archive_entry *e;
	int r;

	for (;;) {
		r = archive_read_next_header(a, &e);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && !is_harmless(r, a))
			return fail_archive(u, a, ARCHIVE);
		r = add_member(u, a, e);
		if (r < 0)
			return r;
	}
}

static bool all_zero(const char *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* libarchive takes the end of the bytes for the end of the archive; a root must have said so with
 * its two zero blocks. Behind them only zeros may follow, and they must have been decoded. */
static int check_end(struct unpack *u, struct archive *a)
{
	uint64_t unread = u->bytes - (uint64_t)archive_filter_bytes(a, 0);
	const void *data;
	size_t size;
	bool zero;
	int r;

	if (u->at_end)
		return fail_set(u->fail, EBADMSG, ARCHIVE,
				"It was cut short before it was compressed: pack the root again.",
				"it has no end marker after %llu members",
				(unsigned long long)u->members);
	zero = unread > u->last_size || all_zero(u->last + u->last_size - unread, (size_t)unread);
	while ((r = pipeline_next(u->pipeline, &data, &size)) > 0) {
		u->bytes += size;
		zero = zero && all_zero(data, size);
	}
	if (r == 0 && !zero)
		return fail_set(u->fail, EBADMSG, ARCHIVE,
				"Two archives were joined: pack the root again as one.",
				"more data follows its end marker");
	return r;
}

static int parse(struct unpack *u)
{
	struct archive *a = archive_read_new();
	int r;

	if (!a)
		return fail_errno(u->fail, ENOMEM, ARCHIVE, "cannot read it");
	archive_read_support_format_tar(a);
	if (archive_read_open(a, u, NULL, read_chunk, NULL) != ARCHIVE_OK)
		r = fail_archive(u, a, ARCHIVE);
	else
		r = add_members(u, a);
	if (r == 0)
		r = check_end(u, a);
	archive_read_free(a);
	return r;
}

static int unpack_with_tree(const struct payload *p, struct xz_file *x, struct tree *tree,
			    const struct unpack_options *options, struct unpack_result *ret,
			    struct fail *f)
{
	struct unpack u = { .tree = tree, .progress = options->progress, .fail = f };
	unsigned threads;
	int r = pipeline_start(p, x, options, &u.pipeline, f);

	if (r < 0)
		return r;
	threads = pipeline_threads(u.pipeline);
	r = parse(&u);
	if (r == 0)
		r = pipeline_drain(u.pipeline);
	r = pipeline_stop(u.pipeline, r, f);
	if (r == 0 && tree)
		r = tree_finish(tree, f);
	if (r < 0)
		return r;
	*ret = (struct unpack_result){
		.bytes = u.bytes,
		.members = u.members,
		.blocks = xz_file_block_count(x),
		.threads = threads,
	};
	if (tree)
		tree_losses(tree, &ret->losses);
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
