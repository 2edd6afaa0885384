/* One pass over the compressed bytes: three digests and a CRC. */
#include "image/payload_digests.h"

#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>

#define READ_SIZE (1 << 18)

/* ---- reading ---- */

struct reader {
	const struct payload *payload;
	uint64_t at; /* in the payload */
	uint64_t crc64;
	struct digest_state all, block, outside;
	uint8_t *buf; /* owned; READ_SIZE bytes */
};

/* Reads on up to end. in_block: the bytes belong to a Block. */
static int read_to(struct reader *r, uint64_t end, bool in_block, struct fail *f)
{
	while (r->at < end) {
		size_t size = (size_t)min_u64(end - r->at, READ_SIZE);
		ssize_t n = payload_read(r->payload, r->at, r->buf, size);

		if (n <= 0)
			return fail_errno(f, n < 0 ? (int)n : ENODATA, r->payload->name,
					  "cannot read it");
		r->crc64 = lzma_crc64(r->buf, (size_t)n, r->crc64);
		digest_add(&r->all, r->buf, (size_t)n);
		digest_add(in_block ? &r->block : &r->outside, r->buf, (size_t)n);
		r->at += (uint64_t)n;
	}
	return 0;
}

static int read_block(struct reader *r, const struct block *block, struct manifest *m,
		      struct fail *f)
{
	struct manifest_block b = {
		block->offset, block->total, block->uncompressed, block->memory, { { 0 } }
	};
	int result = read_to(r, block->offset, false, f);

	digest_begin(&r->block);
	if (result == 0)
		result = read_to(r, block->offset + block->total, true, f);
	if (result < 0)
		return result;
	b.digest = digest_end(&r->block);
	return manifest_add_block(m, &b) < 0
		       ? fail_errno(f, ENOMEM, r->payload->name, "cannot hold its digests")
		       : 0;
}

int payload_digests_read(const struct payload *p, const struct block_list *blocks,
			 struct manifest *m, struct fail *f)
{
	_cleanup_free_ uint8_t *buf = malloc(READ_SIZE);
	struct reader reader = { .payload = p, .buf = buf };
	int r = 0;

	if (!buf)
		return fail_errno(f, ENOMEM, p->name, "cannot read it");
	digest_begin(&reader.all);
	digest_begin(&reader.outside);
	for (size_t i = 0; r == 0 && i < blocks->n; i++)
		r = read_block(&reader, &blocks->blocks[i], m, f);
	if (r == 0)
		r = read_to(&reader, p->size, false, f);
	if (r < 0)
		return r;
	m->payload_bytes = p->size;
	m->payload_digest = digest_end(&reader.all);
	m->has_payload_digest = true;
	m->outside_digest = digest_end(&reader.outside);
	m->has_outside_digest = true;
	snprintf(m->build_id, sizeof(m->build_id), "%016llx", (unsigned long long)reader.crc64);
	return 0;
}

/* ---- comparing ---- */

static int compare_block(const struct manifest *m, const struct manifest *is, size_t i,
			 const char *what, struct fail *f)
{
	const struct manifest_block *a = &m->blocks[i], *b = &is->blocks[i];

	if (a->offset != b->offset || a->bytes != b->bytes || a->uncompressed != b->uncompressed ||
	    a->decoder_memory != b->decoder_memory)
		return fail_set(f, EBADMSG, what, PAYLOAD_TODO_COPY,
				"its manifest and its Index disagree about Block %zu: "
				"%llu %llu %llu %llu, %llu %llu %llu %llu",
				i + 1, (unsigned long long)a->offset, (unsigned long long)a->bytes,
				(unsigned long long)a->uncompressed,
				(unsigned long long)a->decoder_memory,
				(unsigned long long)b->offset, (unsigned long long)b->bytes,
				(unsigned long long)b->uncompressed,
				(unsigned long long)b->decoder_memory);
	if (!digest_is_same(&a->digest, &b->digest))
		return fail_set(f, EBADMSG, what, PAYLOAD_TODO_COPY,
				"Block %zu (byte %llu of the payload) is damaged: it is not what "
				"its digest in the manifest says",
				i + 1, (unsigned long long)a->offset);
	return 0;
}

int payload_digests_compare(const struct manifest *m, const struct manifest *is, const char *what,
			    struct fail *f)
{
	int r = 0;

	if (m->format < 2)
		return 0; /* there were none */
	if (m->n_blocks != is->n_blocks)
		return fail_set(f, EBADMSG, what, PAYLOAD_TODO_COPY,
				"its manifest has %zu Blocks, its Index %zu", m->n_blocks,
				is->n_blocks);
	for (size_t i = 0; r == 0 && i < m->n_blocks; i++)
		r = compare_block(m, is, i, what, f);
	if (r < 0)
		return r;
	if (!m->has_payload_digest)
		return fail_set(f, EBADMSG, what, PAYLOAD_TODO_COPY,
				"its manifest has no payload-digest");
	if (!digest_is_same(&m->payload_digest, &is->payload_digest))
		return fail_set(f, EBADMSG, what, PAYLOAD_TODO_COPY,
				"the payload is damaged outside its Blocks: it is not what "
				"payload-digest in the manifest says");
	if (m->has_outside_digest && !digest_is_same(&m->outside_digest, &is->outside_digest))
		return fail_set(f, EBADMSG, what, PAYLOAD_TODO_COPY,
				"outside-digest in its manifest is not that of the payload");
	if (*m->build_id && strcmp(m->build_id, is->build_id) != 0)
		return fail_set(f, EBADMSG, what, PAYLOAD_TODO_COPY,
				"the CRC-64 of the payload is %s, its manifest says %s",
				is->build_id, m->build_id);
	return 0;
}
