#include "image/pinned.h"

#include <errno.h>

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
