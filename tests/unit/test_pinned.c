/* Lists of Blocks by a manifest that anybody may have written: their numbers may be as large as numbers are. */
#include "image/pinned.h"

#include <errno.h>

#include "engine/plan.h"
#include "tap.h"

static int list(const struct manifest_block *blocks, size_t n, struct block_list *ret,
		struct fail *f)
{
	struct manifest m = { .format = 2, .payload_bytes = 1000, .n_blocks = n };
	int r;

	m.blocks = (struct manifest_block *)(uintptr_t)blocks;
	r = pinned_list_blocks(&m, "rootfs.tar.zst", ret, f);
	return r;
}

static void refuses(const char *what, const struct manifest_block *blocks, size_t n)
{
	struct block_list l;
	struct fail f = { 0 };

	is_int(list(blocks, n, &l, &f), -EBADMSG, "%s: refused", what);
	is_str(f.why, "its manifest lists Blocks that are larger than any archive", "%s: why",
	       what);
	is_int((int)l.n, 0, "%s: no list is left", what);
}

int main(void)
{
	static const struct manifest_block wraps[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = UINT64_MAX - 15 },
		{ .offset = 500, .bytes = 500, .uncompressed = UINT64_MAX - 15 },
	};
	static const struct manifest_block sum[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = INT64_MAX },
		{ .offset = 500, .bytes = 500, .uncompressed = 1 },
	};
	static const struct manifest_block memory[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = 1, .decoder_memory = UINT64_MAX },
	};
	static const struct manifest_block large[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = INT64_MAX - 1 },
		{ .offset = 500, .bytes = 500, .uncompressed = 1 },
	};
	struct engine_plan plan;
	struct block_list l;
	struct fail f;

	refuses("a sum that wraps", wraps, 2);
	refuses("a sum that is negative in 63 bits", sum, 2);
	refuses("more memory than any decoder takes", memory, 1);
	is_int(list(large, 2, &l, &f), 0, "the largest archive that can be");
	engine_plan(&l, 4, 256 << 20, &plan);
	ok(plan.memory > 256 << 20 || !plan.whole, "is not planned as if it were small");
	ok(plan.pool >= 4ULL * PLAN_CHUNK, "and gets a pool");
	block_list_free(&l);
	return done_testing();
}
