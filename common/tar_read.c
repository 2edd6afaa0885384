/* libarchive's tar reader, and what it does not check. */
#include "tar_read.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tar_memory.h"

struct tar_reader {
	struct archive *archive;
	struct archive_entry *entry;
	tar_source_fn *source;
	void *arg;
	const char *name;
	uint64_t bytes, members;
	uint64_t not_zero; /* bytes up to the last one that is no zero */
	bool at_end;       /* the source has given all it has */
	int error;         /* of the source, met inside libarchive; explained in fail */
	struct fail fail;
	char path[192];    /* of the last member, for messages */
	uint64_t position; /* of its header; libarchive forgets it after an error */
};

/* Size without the zeros at the end; eight at a time, for files of nothing else. */
static size_t without_zeros(const char *bytes, size_t size)
{
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word)) {
		memcpy(&word, bytes + size - sizeof(word), sizeof(word));
		if (word != 0)
			break;
	}
	while (size > 0 && bytes[size - 1] == 0)
		size--;
	return size;
}

static int read_source(struct tar_reader *t, const void **ret_data, size_t *ret_size)
{
	size_t size;
	int r = t->source(t->arg, ret_data, ret_size, &t->fail);

	if (r < 0) {
		t->error = r;
		return r;
	}
	t->at_end = r == 0;
	if (r > 0) {
		size = without_zeros(*ret_data, *ret_size);
		if (size > 0)
			t->not_zero = t->bytes + size;
		t->bytes += *ret_size;
	}
	return r;
}

static la_ssize_t read_callback(struct archive *a, void *arg, const void **ret_data)
{
	size_t size = 0;
	int r = read_source(arg, ret_data, &size);

	(void)a;
	return r < 0 ? -1 : (la_ssize_t)size;
}

static int fail_memory(const char *what, struct fail *f)
{
	if (tar_memory_exceeded())
		return fail_set(f, E2BIG, what,
				"Archive it again with `tarboot pack` or without --sparse, or "
				"leave it out.",
				"the names, attributes or map of holes of one member take too much "
				"memory");
	return fail_errno(f, ENOMEM, what, "cannot read it");
}

/* libarchive's errors are about the tar format; those of the source come through it. */
static int fail_archive(struct tar_reader *t, const char *what, struct fail *f)
{
	const char *text = archive_error_string(t->archive);

	if (t->error < 0) {
		*f = t->fail;
		return t->error;
	}
	if (archive_errno(t->archive) == ENOMEM || tar_memory_lacked())
		return fail_memory(what, f);
	return fail_set(f, EBADMSG, what, "Make the archive again with tar or `tarboot pack`.",
			"the tar archive is damaged: %s", text ? text : "unknown error");
}

int tar_reader_open(tar_source_fn *source, void *arg, const char *name, struct tar_reader **ret,
		    struct fail *f)
{
	struct tar_reader *t = calloc(1, sizeof(*t));
	int r;

	if (t)
		t->archive = archive_read_new();
	if (!t || !t->archive) {
		free(t);
		return fail_memory(name, f);
	}
	t->source = source;
	t->arg = arg;
	t->name = name;
	if (archive_read_support_format_tar(t->archive) != ARCHIVE_OK ||
	    archive_read_open(t->archive, t, NULL, read_callback, NULL) != ARCHIVE_OK ||
	    tar_memory_lacked()) {
		r = fail_archive(t, name, f);
		tar_reader_close(t);
		return r;
	}
	*ret = t;
	return 0;
}

void tar_reader_close(struct tar_reader *t)
{
	if (!t)
		return;
	archive_read_free(t->archive);
	if (tar_memory_lacked())
		tar_memory_reset();
	free(t);
}

/* libarchive takes the end of the bytes for the end of the archive; a root must have said so with
 * its two zero blocks. Behind them only zeros may follow, and all of them must be readable. */
static int check_end(struct tar_reader *t, struct fail *f)
{
	uint64_t end = (uint64_t)archive_filter_bytes(t->archive, 0);
	const void *data;
	size_t size;
	int r;

	if (t->at_end)
		return fail_set(f, EBADMSG, t->name, "It was cut short: make it again.",
				"it has no end marker after %llu members",
				(unsigned long long)t->members);
	while ((r = read_source(t, &data, &size)) > 0)
		;
	if (r < 0)
		*f = t->fail;
	else if (t->not_zero > end)
		r = fail_set(f, EBADMSG, t->name, "Two archives were joined: make one of them.",
			     "more data follows its end marker");
	return r;
}

/* libarchive warns of a name that is not UTF-8 and keeps its bytes; its other warnings are about
 * attributes that it lost. */
static bool is_harmless(int r, struct archive *a)
{
	const char *text = archive_error_string(a);

	return r == ARCHIVE_WARN && text && strstr(text, "can't be converted");
}

int tar_reader_next(struct tar_reader *t, struct member *ret, struct fail *f)
{
	int r = archive_read_next_header(t->archive, &t->entry);

	if (r == ARCHIVE_EOF)
		return check_end(t, f);
	if (r != ARCHIVE_OK && !is_harmless(r, t->archive))
		return fail_archive(t, t->name, f);
	r = member_from_entry(t->entry, ret, f);
	if (tar_memory_lacked()) {
		if (r == 0)
			member_free(ret);
		return fail_memory(t->name, f);
	}
	if (r < 0)
		return r;
	t->members++;
	t->position = (uint64_t)archive_read_header_position(t->archive);
	snprintf(t->path, sizeof(t->path), "%s", ret->path);
	return 1;
}

int tar_reader_data(struct tar_reader *t, const void **ret_data, size_t *ret_size,
		    uint64_t *ret_offset, struct fail *f)
{
	la_int64_t offset;
	int r;

	do
		r = archive_read_data_block(t->archive, ret_data, ret_size, &offset);
	while (r == ARCHIVE_OK && *ret_size == 0);
	*ret_offset = (uint64_t)offset;
	if (tar_memory_lacked())
		return fail_memory(t->path, f);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : fail_archive(t, t->path, f);
}

int tar_reader_extent(struct tar_reader *t, unsigned *cursor, uint64_t *ret_offset,
		      uint64_t *ret_size)
{
	la_int64_t offset, size;

	/* Counting drops a map of one extent that is the whole file; reset counts too, but only after
	 * it has taken a pointer to that extent. */
	if ((*cursor)++ == 0) {
		(void)archive_entry_sparse_count(t->entry);
		archive_entry_sparse_reset(t->entry);
	}
	if (archive_entry_sparse_next(t->entry, &offset, &size) != ARCHIVE_OK)
		return 0;
	*ret_offset = (uint64_t)offset;
	*ret_size = (uint64_t)size;
	return 1;
}

uint64_t tar_reader_bytes(const struct tar_reader *t)
{
	return t->bytes;
}

uint64_t tar_reader_members(const struct tar_reader *t)
{
	return t->members;
}

uint64_t tar_reader_position(const struct tar_reader *t)
{
	return t->position;
}

const char *tar_reader_path(const struct tar_reader *t)
{
	return t->path;
}
