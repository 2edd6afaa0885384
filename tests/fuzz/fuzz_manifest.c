/* The manifest: whatever was read can be written, and reads as the same again. */
#include "manifest.h"

#include "fuzz.h"

static void check_same(const struct manifest *a, const struct manifest *b)
{
	promise(a->payload_bytes == b->payload_bytes && a->unpacked_bytes == b->unpacked_bytes);
	promise(a->inodes == b->inodes && a->members == b->members);
	promise(a->n_kernels == b->n_kernels && a->n_kernels <= MANIFEST_KERNELS_MAX);
	for (unsigned i = 0; i < a->n_kernels; i++)
		promise(strcmp(a->kernels[i], b->kernels[i]) == 0);
	promise(strcmp(a->init, b->init) == 0 && strcmp(a->build_id, b->build_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest first, second, untouched;
	char text[MANIFEST_TEXT_MAX];
	int n;

	memset(&first, 'x', sizeof(first));
	untouched = first;
	if (manifest_parse((const char *)data, size, &first) < 0) {
		promise(memcmp(&first, &untouched, sizeof(first)) == 0);
		return 0;
	}
	fuzz_accepted++;
	n = manifest_format(&first, text);
	promise(n > 0 && (size_t)n == strlen(text));
	promise(manifest_parse(text, (size_t)n, &second) == 0);
	check_same(&first, &second);
	return 0;
}
