/*
 * A tar archive as a source. Two libarchive readers stand behind each other: one takes the compression
 * off, by the programs that it runs, the other is common's tar reader.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "source_kinds.h"
#include "tar_read.h"

#define BLOCK_SIZE (1 << 20)

struct source_tar {
	struct source base;
	struct archive *raw; /* one "member": the tar's bytes */
	struct tar_reader *tar;
	char *name; /* for messages; owned */
};

static int fail_raw(struct source_tar *t, struct fail *f)
{
	const char *text = archive_error_string(t->raw);

	return fail_set(f, EBADMSG, t->name,
			"Give a tar archive, plain or compressed, whose compression program is "
			"installed.",
			"cannot read it: %s", text ? text : "unknown error");
}

static int read_raw(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct source_tar *t = arg;
	la_int64_t offset;
	int r;

	do
		r = archive_read_data_block(t->raw, ret_data, ret_size, &offset);
	while (r == ARCHIVE_OK && *ret_size == 0);
	t->base.position = (uint64_t)archive_filter_bytes(t->raw, -1);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : fail_raw(t, f);
}

static int tar_next(struct source *s, struct source_member *ret, struct fail *f)
{
	struct source_tar *t = (struct source_tar *)s;
	uint64_t offset, size;
	unsigned cursor = 0;
	int r;

	while ((r = tar_reader_next(t->tar, &ret->m, f)) > 0 && !source_wants(s)) {
		member_free(&ret->m);
		ret->m = (struct member){ 0 };
	}
	while (r > 0 && tar_reader_extent(t->tar, &cursor, &offset, &size))
		if (source_add_extent(s, offset, size) < 0)
			r = fail_errno(f, ENOMEM, ret->m.path, "cannot hold its sparse map");
	return r;
}

static int tar_read(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		    struct fail *f)
{
	return tar_reader_data(((struct source_tar *)s)->tar, ret_data, ret_size, ret_offset, f);
}

static void tar_close(struct source *s)
{
	struct source_tar *t = (struct source_tar *)s;

	tar_reader_close(t->tar);
	if (t->raw)
		archive_read_free(t->raw);
	free(t->name);
	free(t);
}

static const struct source_kind kind = { tar_next, tar_read, tar_close };

static int open_raw(struct source_tar *t, const char *path, struct fail *f)
{
	struct archive_entry *entry;

	archive_read_support_format_raw(t->raw);
	archive_read_support_format_empty(t->raw);
	archive_read_support_filter_all(t->raw);
	if (archive_read_open_filename(t->raw, path, BLOCK_SIZE) != ARCHIVE_OK)
		return fail_raw(t, f);
	switch (archive_read_next_header(t->raw, &entry)) {
	case ARCHIVE_OK:
		return tar_reader_open(read_raw, t, t->name, &t->tar, f);
	case ARCHIVE_EOF:
		return fail_set(f, EBADMSG, t->name, "Give a tar archive.", "it is empty");
	default:
		return fail_raw(t, f);
	}
}

int source_tar_open(const char *path, struct source **ret, struct fail *f)
{
	struct source_tar *t = calloc(1, sizeof(*t));
	struct stat st;
	int r = -ENOMEM;

	if (t) {
		t->base.kind = &kind;
		t->base.root_fd = -1;
		t->name = strdup(path ? path : "stdin");
		t->raw = archive_read_new();
	}
	if (!t || !t->name || !t->raw)
		fail_errno(f, ENOMEM, path ? path : "stdin", "cannot read it");
	else
		r = open_raw(t, path, f);
	if (r < 0) {
		if (t)
			tar_close(&t->base);
		return r;
	}
	if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		t->base.total = (uint64_t)st.st_size;
	*ret = &t->base;
	return 0;
}
