/*
 * How many Blocks of a published root a transfer had, by the manifest that is published beside it.
 */
#pragma once

#include <stdint.h>

#include "site/serve_log.h"

/* For serve_log.blocks; arg: the directory that is served, a path. */
void served_blocks(const void *arg, const char *path, uint64_t from, uint64_t to,
		   char ret[SERVE_BLOCKS_MAX]);
