/*
 * The whole engine: the tar of an input becomes xz Blocks, or is taken as it is, and several threads unpack it. Three
 * bytes stand before the tar and choose Blocks, threads and pool, and the cut between two parts.
 *
 * Promises: nothing outside the root changes; Blocks, threads and pool change nothing; the model of names refuses no
 * member that can be made.
 */
#define OWN_BYTES 3

#include "fuzz.h"
#include "limits.h"
#include "make_xz.h"
#include "mutate_tar.h"
#include "stage.h"
#include "engine/unpack.h"
#include "tar/tar_header.h"

/* Into n Blocks of any size; stored, since fuzz_xz is there for the codec. */
static void make_xz(const uint8_t *data, size_t size, unsigned n, struct bytes *ret)
{
	struct xz_recipe recipe = { .n_blocks = n, .stored = true, .check = LZMA_CHECK_CRC32 };
	uint32_t random = (uint32_t)size;
	size_t left = size;

	for (size_t i = 0; i + 1 < n; i++) {
		recipe.blocks[i] = next_random(&random) % (left / 2 + 1);
		left -= recipe.blocks[i];
	}
	*ret = (struct bytes){ 0 };
	add_stream(ret, &recipe, data, size);
}

static int unpack(const struct bytes *xz, size_t split, const struct unpack_options *options,
		  struct unpack_result *ret)
{
	struct unpack_progress progress = { 0 };
	struct unpack_options o = *options;
	struct payload p;
	struct fail f;
	int r;

	o.progress = &progress;
	payload_of(xz->data, xz->size, split, &p);
	r = unpack_run(&p, &o, ret, &f);
	promise(r <= 0 && (r == 0 || f.error == -r));
	promise(r < 0 || (progress.bytes == ret->bytes && progress.members == ret->members));
	payload_close(&p);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unpack_options options = { .root_fd = -1, .threads = 1 };
	struct engine_plan plan = { .pool = 1 };
	struct unpack_result plain, threaded;
	struct bytes one, many = { 0 };
	int r, checked;

	if (size < OWN_BYTES)
		return 0;
	make_xz(data + OWN_BYTES, size - OWN_BYTES, 1, &one);
	if (data[1] & 16 && tar_header_begins(data + OWN_BYTES, size - OWN_BYTES))
		bytes_add(&many, data + OWN_BYTES, size - OWN_BYTES);
	else
		make_xz(data + OWN_BYTES, size - OWN_BYTES, 1 + data[0] % 8, &many);
	promise(root_tree_new(SIZE_MAX, &options.names) == 0);
	checked = unpack(&one, 0, &options, &plain);
	root_tree_free(options.names);
	options.names = NULL;

	options.root_fd = stage_begin();
	plan.threads = plan.decoders = options.threads = 1 + data[1] % 4;
	options.plan = data[1] & 4 ? &plan : NULL;
	options.discard = data[1] & 8;
	r = unpack(&many, data[2] * many.size / 256, &options, &threaded);
	stage_end(r);

	promise(r < 0 || (checked == 0 && threaded.members == plain.members &&
			  threaded.bytes == plain.bytes && plain.bytes == size - OWN_BYTES));
	promise(checked == 0 || r < 0);
	fuzz_accepted += r == 0;
	bytes_free(&one);
	bytes_free(&many);
	return 0;
}
