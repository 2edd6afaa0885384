/* Two straight lines. */
#include "image/zramguess.h"

#include <string.h>

#include "base/util.h"

static const struct guess {
	const char *algorithm;
	unsigned share; /* per cent of what the archive's ratio has above 100 */
	unsigned most;  /* per cent */
	unsigned blind; /* per cent, for an archive that is not compressed and tells nothing */
} guesses[] = {
	{ "zstd", 50, 265, 200 },
	{ "lz4", 30, 195, 150 }, /* and all others: lzo-rle reaches as much */
};

static const struct guess *guess_of(const char *algorithm)
{
	bool is_zstd = strcmp(algorithm, guesses[0].algorithm) == 0;

	return &guesses[is_zstd ? 0 : 1];
}

uint64_t zramguess_size(uint64_t tree, uint64_t ram)
{
	uint64_t whole = add_u64(tree, tree / 4);

	return whole > ram / 2 * 3 ? whole : ram / 2 * 3;
}

unsigned zramguess_ratio(const char *algorithm, uint64_t archive, uint64_t tar)
{
	const struct guess *g = guess_of(algorithm);
	uint64_t above;

	if (archive == tar || archive == 0)
		return g->blind;
	if (archive > tar)
		return 100;
	above = multiply_u64(tar - archive, 100) / archive;
	return (unsigned)min_u64(100 + above / 100 * g->share + above % 100 * g->share / 100,
				 g->most);
}

uint64_t zramguess_gain(uint64_t bytes, unsigned ratio)
{
	return ratio > 100 ? bytes - bytes / ratio * 100 : 0;
}
