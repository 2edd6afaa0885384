/* What zram is taken to save. */
#include "image/zramguess.h"

#include "tap.h"

#define MIB (1ULL << 20)

static const struct {
	const char *what, *algorithm;
	uint64_t archive, tar;
	unsigned ratio;
} ratios[] = {
	{ "zstd, an archive of 3 : 1", "zstd", 100 * MIB, 300 * MIB, 200 },
	{ "zstd, of 2 : 1", "zstd", 100 * MIB, 200 * MIB, 150 },
	{ "zstd, of 1000 : 1", "zstd", MIB, 1000 * MIB, 265 },
	/* by mm_stat, of a Debian: 2.78 of an archive in --level=fast, 2.68 of one in the usual level */
	{ "a Debian, in fast", "zstd", 78 * MIB, 300 * MIB, 242 },
	{ "a Debian", "zstd", 64 * MIB, 300 * MIB, 265 },
	{ "lz4, of 3 : 1", "lz4", 100 * MIB, 300 * MIB, 160 },
	{ "lz4, of 1000 : 1", "lz4", MIB, 1000 * MIB, 195 },
	{ "the kernel's own choice, as lz4", "lzo-rle", 100 * MIB, 300 * MIB, 160 },
	{ "one that is not known", "", 100 * MIB, 300 * MIB, 160 },
	{ "what cannot be compressed", "zstd", 101 * MIB, 100 * MIB, 100 },
	{ "nor is it much", "zstd", 100 * MIB, 100 * MIB + 1, 100 },
	{ "a tar that is not compressed", "zstd", 100 * MIB, 100 * MIB, 200 },
	{ "the same by lz4", "lz4", 100 * MIB, 100 * MIB, 150 },
	{ "nothing", "zstd", 0, 0, 200 },
	{ "a tar that nobody knows", "zstd", 100 * MIB, 0, 100 },
	{ "hostile sizes", "zstd", 1, UINT64_MAX, 265 },
	{ "and the other way round", "zstd", UINT64_MAX, UINT64_MAX - 1, 100 },
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++)
		is_int(zramguess_ratio(ratios[i].algorithm, ratios[i].archive, ratios[i].tar),
		       ratios[i].ratio, "%s", ratios[i].what);

	ok(zramguess_gain(300 * MIB, 300) / MIB == 200, "two thirds of what is swapped");
	ok(zramguess_gain(300 * MIB, 100) == 0, "nothing, if it does not become smaller");
	ok(zramguess_gain(300 * MIB, 0) == 0 && zramguess_gain(300 * MIB, 99) == 0,
	   "nor with a ratio that cannot be");
	ok(zramguess_gain(0, 300) == 0, "of nothing nothing");
	ok(zramguess_gain(UINT64_MAX, 300) > UINT64_MAX / 2, "of all there is");
	ok(zramguess_size(100 * MIB, 400 * MIB) == 600 * MIB, "one and a half times the RAM");
	ok(zramguess_size(1000 * MIB, 400 * MIB) == 1250 * MIB, "or all of the tree");
	ok(zramguess_size(UINT64_MAX, 400 * MIB) == UINT64_MAX, "whatever a manifest says of it");
	return done_testing();
}
