/*
 * The memory that a machine needs to boot an image, computed as init does.
 */
#pragma once

#include "codec/codec.h"
#include "image/image.h"
#include "image/treesize.h"

/* Real-mode boot loaders and 32-bit iPXE load the image below 2 GiB, because above are the devices of a PC. */
#define BIOS_IMAGE_MAX (2ULL << 30)

struct needs {
	uint64_t load;   /* bytes: the image as it was loaded, and the kernel's copy of it */
	uint64_t unpack; /* root, minimal engine and a reserve, with pages of 4 KiB */
	uint64_t unpack_16k, unpack_64k; /* the same with larger pages, as on some arm64 machines */
	uint64_t machine; /* least RAM of a machine, including what the kernel takes */
	/* the same where it loads the boot part alone; 0: it cannot fetch the root */
	uint64_t fetching_machine;
	bool has_zram; /* the image has its module */
	/* Both with compressed swap; 0: the image has no module for it, or it gains nothing. */
	uint64_t zram_machine, zram_fetching_machine;
	bool is_estimate; /* the size of the root is not known: these are lower bounds */
};

/* counted: the size of the root, measured by decoding the payload; NULL: taken from the manifest or, without one, from
 * the bytes of tar. */
void needs_of(const struct image *image, const struct block_list *blocks,
	      const struct treesize *counted, struct needs *ret);

/* Prints lines on stdout, and a warning if the image is too large for some boot loaders. */
void needs_print(const struct image *image, const struct needs *n);
