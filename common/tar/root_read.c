/* Which reader it is; all else is theirs. */
#include "tar/root_read.h"

#include <errno.h>

#include "tar/cpio.h"
#include "tar/cpio_read.h"
#include "tar/tar_header.h"
#include "base/util.h"

struct root_reader {
	tar_source_fn *source;
	void *arg;
	const char *name;
	size_t memory;

	/* What was looked at, and is yet to be given to the reader: the start, when it came in small pieces, and the
	 * rest of the last piece. */
	uint8_t head[TAR_BLOCK];
	size_t head_size, rest_size;
	const uint8_t *rest;
	bool has_ended; /* the source */
	bool may_lack_end;

	struct tar_reader *tar;   /* one of these, */
	struct cpio_reader *cpio; /* none before the first member */
};

int root_reader_open(tar_source_fn *source, void *arg, const char *name, size_t memory,
		     struct root_reader **ret, struct fail *f)
{
	struct root_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return fail_errno(f, ENOMEM, name, "cannot read it");
	r->source = source;
	r->arg = arg;
	r->name = name;
	r->memory = memory;
	*ret = r;
	return 0;
}

void root_reader_close(struct root_reader *r)
{
	if (!r)
		return;
	tar_reader_close(r->tar);
	cpio_reader_close(r->cpio);
	free(r);
}

void root_reader_take_without_end(struct root_reader *r)
{
	r->may_lack_end = true;
}

static int next_piece(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct root_reader *r = arg;
	int got;

	if (r->head_size > 0) {
		*ret_data = r->head;
		*ret_size = r->head_size;
		r->head_size = 0;
		return 1;
	}
	if (r->rest_size > 0) {
		*ret_data = r->rest;
		*ret_size = r->rest_size;
		r->rest_size = 0;
		return 1;
	}
	if (r->has_ended)
		return 0;
	got = r->source(r->arg, ret_data, ret_size, f);
	r->has_ended = got == 0;
	return got;
}

/* Gets the first block of the archive, if it is that large: where the source put it, or joined in r->head. */
static int look(struct root_reader *r, const uint8_t **ret, size_t *ret_size, struct fail *f)
{
	const void *data;
	size_t size, n;
	int got = 1;

	while (r->head_size < TAR_BLOCK && (got = r->source(r->arg, &data, &size, f)) > 0) {
		r->rest = data;
		r->rest_size = size;
		if (r->head_size == 0 && size >= TAR_BLOCK)
			break;
		n = min_u64(size, TAR_BLOCK - r->head_size);
		memcpy(r->head + r->head_size, data, n);
		r->head_size += n;
		r->rest += n;
		r->rest_size -= n;
	}
	if (got < 0)
		return got;
	r->has_ended = got == 0;
	*ret = r->head_size > 0 ? r->head : r->rest;
	*ret_size = r->head_size > 0 ? r->head_size : r->rest_size;
	return 0;
}

/* The first format that cpio had, in the byte order of either machine. */
static bool is_old_cpio(const uint8_t *head, size_t size)
{
	return size >= 2 && (memcmp(head, "\xc7\x71", 2) == 0 || memcmp(head, "\x71\xc7", 2) == 0);
}

static int open_tar(struct root_reader *r, struct fail *f)
{
	int e = tar_reader_open(next_piece, r, r->name, r->memory, &r->tar, f);

	if (e == 0 && r->may_lack_end)
		tar_reader_take_without_end(r->tar);
	return e;
}

/* A tar may begin with a file that has the name of cpio's magic. */
static int choose(struct root_reader *r, struct fail *f)
{
	const uint8_t *head = NULL;
	size_t size = 0;
	int e = look(r, &head, &size, f);

	if (e < 0)
		return e;
	if (size < CPIO_MAGIC_SIZE || (size >= TAR_BLOCK && tar_header_is_whole(head)))
		return open_tar(r, f);
	if (is_old_cpio(head, size))
		return fail_set(f, EBADMSG, r->name, "Make it again with cpio -o -H newc.",
				"it is a cpio archive in the old binary format");
	if (cpio_format_of((const char *)head))
		return cpio_reader_open(next_piece, r, r->name, r->memory, &r->cpio, f);
	return open_tar(r, f);
}

int root_reader_next(struct root_reader *r, struct member *ret, struct fail *f)
{
	int e = r->tar || r->cpio ? 0 : choose(r, f);

	if (e < 0)
		return e;
	return r->cpio ? cpio_reader_next(r->cpio, ret, f) : tar_reader_next(r->tar, ret, f);
}

int root_reader_data(struct root_reader *r, const void **ret_data, size_t *ret_size,
		     uint64_t *ret_offset, struct fail *f)
{
	return r->cpio ? cpio_reader_data(r->cpio, ret_data, ret_size, ret_offset, f)
		       : tar_reader_data(r->tar, ret_data, ret_size, ret_offset, f);
}

const struct tar_extent *root_reader_extents(const struct root_reader *r, size_t *ret_n)
{
	*ret_n = 0;
	return r->tar ? tar_reader_extents(r->tar, ret_n) : NULL;
}

uint64_t root_reader_bytes(const struct root_reader *r)
{
	return r->cpio ? cpio_reader_bytes(r->cpio) : r->tar ? tar_reader_bytes(r->tar) : 0;
}

uint64_t root_reader_members(const struct root_reader *r)
{
	return r->cpio ? cpio_reader_members(r->cpio) : r->tar ? tar_reader_members(r->tar) : 0;
}

uint64_t root_reader_offset(const struct root_reader *r)
{
	return r->cpio ? cpio_reader_offset(r->cpio) : r->tar ? tar_reader_offset(r->tar) : 0;
}

uint64_t root_reader_position(const struct root_reader *r)
{
	return r->cpio ? cpio_reader_position(r->cpio) : r->tar ? tar_reader_position(r->tar) : 0;
}

const char *root_reader_path(const struct root_reader *r)
{
	return r->cpio ? cpio_reader_path(r->cpio) : r->tar ? tar_reader_path(r->tar) : "";
}
