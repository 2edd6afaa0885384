/*
 * No compression: a plain tar, in pieces that any thread may read. There is no check of its data, nor of its end; what the tar
 * reader tells is all. A cpio archive is none of these: an image begins with one.
 */
#include "codec/codec.h"

#include <errno.h>

#include "tar/tar_header.h"

#define PIECE (4ULL << 20)

struct stored_decoder {
	const struct payload *payload;
	uint64_t next, end; /* in the payload */
};

static bool stored_is_kind(const uint8_t *head, size_t size)
{
	return tar_header_begins(head, size);
}

static int stored_list(const struct payload *p, struct block_list *l, struct fail *f)
{
	uint64_t piece = PIECE, size;
	int r = 0;

	while (p->size / piece >= BLOCKS_MAX)
		piece *= 2;
	for (uint64_t at = 0; r == 0 && at < p->size; at += size) {
		size = min_u64(piece, p->size - at);
		r = block_list_add(l, &(struct block){ .offset = at,
						       .total = size,
						       .uncompressed = size,
						       .is_unchecked = true });
	}
	l->streams = 1;
	return r < 0 ? fail_errno(f, r, p->name, "cannot hold its list of Blocks") : 0;
}

static int stored_decoder_new(const struct payload *p, const struct block_list *l, void **ret)
{
	struct stored_decoder *d = calloc(1, sizeof(*d));

	(void)l;
	if (!d)
		return -ENOMEM;
	d->payload = p;
	*ret = d;
	return 0;
}

static int stored_start(void *decoder, const struct block *block, struct fail *f)
{
	struct stored_decoder *d = decoder;

	(void)f;
	d->next = block->offset;
	d->end = block->offset + block->total;
	return 0;
}

static int stored_read(void *decoder, void *buf, size_t size, size_t *ret_size, struct fail *f)
{
	struct stored_decoder *d = decoder;
	ssize_t n = payload_read_up_to(d->payload, d->next, buf,
				       (size_t)min_u64(size, d->end - d->next));

	if (n < 0)
		return payload_fail_read(d->payload, (int)n, f);
	d->next += (uint64_t)n;
	*ret_size = (size_t)n;
	return d->next < d->end;
}

static uint64_t stored_position(const void *decoder)
{
	return ((const struct stored_decoder *)decoder)->next;
}

const struct codec codec_stored = {
	.name = "tar",
	.suffix = "",
	.decoder_size = sizeof(struct stored_decoder),
	.is_kind = stored_is_kind,
	.list = stored_list,
	.decoder_new = stored_decoder_new,
	.decoder_free = free,
	.start = stored_start,
	.read = stored_read,
	.position = stored_position,
};
