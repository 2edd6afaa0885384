/*
 * What memory a machine needs to boot an image, by the formulas that init itself uses.
 */
#pragma once

#include "codec.h"
#include "image.h"
#include "treesize.h"

struct needs {
	uint64_t load;   /* bytes: the image as it was loaded, and the kernel's copy of it */
	uint64_t unpack; /* the tree, the engine at its least, and a reserve; with pages of 4 KiB */
	uint64_t unpack_16k, unpack_64k; /* with larger ones, which machines for arm64 may have */
	uint64_t machine; /* the least memory of a machine, with what the kernel takes for itself */
	bool is_estimate; /* nobody has counted the tree: at least */
};

/* counted: the tree as it came out when the payload was decoded; NULL: what the manifest says or, without
 * one, the bytes of tar. */
void needs_of(const struct image *image, const struct block_list *blocks,
	      const struct treesize *counted, struct needs *ret);

/* Two lines on stdout, and a warning when boot loaders are known to fail with an image so large. */
void needs_print(const struct image *image, const struct needs *n);
