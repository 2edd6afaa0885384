/* The manifest: whatever was read can be written, and reads as the same again. */
#include "image/manifest.h"

#include "fuzz.h"

static void check_same(const struct manifest *a, const struct manifest *b)
{
	promise(a->payload_bytes == b->payload_bytes && a->unpacked_bytes == b->unpacked_bytes);
	promise(a->inodes == b->inodes && a->members == b->members);
	promise(a->n_kernels == b->n_kernels && a->n_kernels <= MANIFEST_KERNELS_MAX);
	promise(a->n_blocks == b->n_blocks);
	for (size_t i = 0; i < a->n_blocks; i++) {
		const struct manifest_block *block = &a->blocks[i];

		promise(memcmp(block, &b->blocks[i], sizeof(*block)) == 0);
		promise(block->offset <= a->payload_bytes &&
			block->bytes <= a->payload_bytes - block->offset);
		promise(i == 0 || block[-1].offset + block[-1].bytes <= block->offset);
	}
	for (unsigned i = 0; i < a->n_kernels; i++)
		promise(strcmp(a->kernels[i], b->kernels[i]) == 0);
	promise(strcmp(a->init, b->init) == 0 && strcmp(a->build_id, b->build_id) == 0);
	promise(strcmp(a->payload, b->payload) == 0);
	promise(manifest_tree_bytes(a, 65536) == manifest_tree_bytes(b, 65536));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest first, second, untouched;
	char *text = NULL;
	int n;

	memset(&first, 'x', sizeof(first));
	untouched = first;
	if (manifest_parse((const char *)data, size, &first) < 0) {
		promise(memcmp(&first, &untouched, sizeof(first)) == 0);
		return 0;
	}
	fuzz_accepted++;
	n = manifest_format(&first, &text);
	promise(n > 0 && (size_t)n == strlen(text));
	promise(manifest_parse(text, (size_t)n, &second) == 0);
	check_same(&first, &second);
	promise(second.has_text_digest && second.format == MANIFEST_FORMAT);
	free(text);
	manifest_free(&first);
	manifest_free(&second);
	return 0;
}
