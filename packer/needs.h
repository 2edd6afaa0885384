/*
 * What memory a machine needs to boot an image, by the formulas that init itself uses.
 */
#pragma once

#include "codec.h"
#include "image.h"

struct needs {
	uint64_t load;    /* bytes: the image as it was loaded, and the kernel's copy of it */
	uint64_t unpack;  /* the tree, the engine at its least, and a reserve */
	uint64_t machine; /* the least memory of a machine, with what the kernel takes for itself */
};

void needs_of(const struct image *image, const struct block_list *blocks, struct needs *ret);

/* Two lines on stdout, and a warning when boot loaders are known to fail with an image so large. */
void needs_print(const struct image *image, const struct needs *n);
