#include "site/served_blocks.h"

#include <limits.h>
#include <stdio.h>

#include "base/read_all.h"
#include "base/util.h"
#include "image/manifest.h"

/* Those that lie in it from their first byte to their last. */
static size_t count_whole(const struct manifest *m, uint64_t from, uint64_t to)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_blocks; i++)
		n += m->blocks[i].offset >= from && m->blocks[i].offset + m->blocks[i].bytes <= to;
	return n;
}

void served_blocks(const void *arg, const char *path, uint64_t from, uint64_t to,
		   char ret[SERVE_BLOCKS_MAX])
{
	_cleanup_free_ char *text = NULL;
	struct manifest m = { 0 };
	char name[PATH_MAX];
	size_t size;

	*ret = '\0';
	if (snprintf(name, sizeof(name), "%s%s.manifest", (const char *)arg, path) >=
		    (int)sizeof(name) ||
	    read_file(name, &text, &size) < 0 || manifest_parse(text, size, &m) < 0)
		return;
	if (m.n_blocks > 0)
		snprintf(ret, SERVE_BLOCKS_MAX, "%zu of %zu Blocks", count_whole(&m, from, to),
			 m.n_blocks);
	manifest_free(&m);
}
