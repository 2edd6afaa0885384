#include "image/pinned.h"

#include <errno.h>

#define READ_SIZE 4096

bool pinned_is_possible(const struct manifest *m)
{
	return m->n_blocks > 0;
}

static struct block to_block(const struct manifest_block *b)
{
	return (struct block){ .offset = b->offset,
			       .total = b->bytes,
			       .uncompressed = b->uncompressed,
			       .memory = b->decoder_memory };
}

int pinned_list_blocks(const struct manifest *m, const char *name, struct block_list *ret,
		       struct fail *f)
{
	_cleanup_free_ struct block *blocks = calloc(m->n_blocks + 1, sizeof(*blocks));
	int r = blocks ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < m->n_blocks; i++)
		blocks[i] = to_block(&m->blocks[i]);
	if (r == 0)
		r = block_list_known(name, blocks, m->n_blocks, ret);
	if (r == -E2BIG)
		return fail_set(f, E2BIG, name, "Pack it again with `tarboot pack`.",
				"its manifest lists more than %u Blocks", BLOCKS_MAX);
	if (r == -EINVAL)
		return fail_set(f, EBADMSG, name, "Pack and publish it again.",
				"its manifest lists Blocks that are larger than any archive");
	return r < 0 ? fail_errno(f, r, name, "cannot hold the list of its Blocks") : 0;
}

struct arrival *pinned_arrival(const struct manifest *m, uint64_t window)
{
	struct arrival *a = arrival_new(m->payload_bytes, window, m->n_blocks);

	for (size_t i = 0; a && i < m->n_blocks; i++) {
		a->blocks[i].offset = m->blocks[i].offset;
		a->blocks[i].total = m->blocks[i].bytes;
		a->blocks[i].digest = m->blocks[i].digest;
	}
	if (a) {
		a->has_outside = m->has_outside_digest;
		a->outside = m->outside_digest;
	}
	return a;
}

/* ---- of a payload that is here ---- */

static int compare_blocks(const struct manifest *m, const struct payload *p,
			  const struct block_list *blocks, struct fail *f)
{
	if (blocks->n != m->n_blocks)
		return fail_set(f, EBADMSG, p->name, PAYLOAD_TODO_COPY,
				"it has %zu Blocks, its manifest %zu", blocks->n, m->n_blocks);
	for (size_t i = 0; i < m->n_blocks; i++)
		if (blocks->blocks[i].offset != m->blocks[i].offset ||
		    blocks->blocks[i].total != m->blocks[i].bytes)
			return fail_set(f, EBADMSG, p->name, PAYLOAD_TODO_COPY,
					"Block %zu is elsewhere, or has another size, than its "
					"manifest says",
					i + 1);
	return 0;
}

static int add_bytes(const struct payload *p, uint64_t from, uint64_t to, struct digest_state *s,
		     struct fail *f)
{
	uint8_t buf[READ_SIZE];

	while (from < to) {
		ssize_t n = payload_read(p, from, buf, (size_t)min_u64(to - from, sizeof(buf)));

		if (n <= 0)
			return payload_fail_read(p, n < 0 ? (int)n : -ENODATA, f);
		digest_add(s, buf, (size_t)n);
		from += (uint64_t)n;
	}
	return 0;
}

/* A manifest may lack their digest: what they say must fit the Blocks then, no more. */
static int check_outside(const struct manifest *m, const struct payload *p, struct fail *f)
{
	struct digest_state s;
	uint64_t at = 0;
	struct digest is;
	int r = 0;

	digest_begin(&s);
	for (size_t i = 0; r == 0 && i < m->n_blocks; i++) {
		r = add_bytes(p, at, m->blocks[i].offset, &s, f);
		at = m->blocks[i].offset + m->blocks[i].bytes;
	}
	if (r == 0)
		r = add_bytes(p, at, p->size, &s, f);
	if (r < 0)
		return r;
	is = digest_end(&s);
	if (!m->has_outside_digest || digest_is_same(&is, &m->outside_digest))
		return 0;
	return fail_set(f, EBADMSG, p->name, PAYLOAD_TODO_COPY,
			"it is damaged, or was changed, outside of its Blocks: it is not what "
			"outside-digest in the manifest says");
}

int pinned_hold(const struct manifest *m, const struct payload *p, const struct block_list *blocks,
		struct arrival **ret, struct fail *f)
{
	int r = compare_blocks(m, p, blocks, f);

	if (r == 0)
		r = check_outside(m, p, f);
	if (r < 0)
		return r;
	*ret = pinned_arrival(m, m->payload_bytes);
	if (!*ret)
		return fail_errno(f, ENOMEM, p->name, "cannot hold the digests of its Blocks");
	arrival_set_here(*ret);
	return 0;
}
