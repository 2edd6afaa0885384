/*
 * The kernel modules of an image, with the index that init reads, their firmware and the root's modprobe.d: what
 * is needed before the root is there, and what would otherwise start without its firmware.
 */
#pragma once

#include <stdbool.h>

#include "image/bootpart.h"
#include "tree/root_files.h"
#include "base/fail.h"

struct boot_modules {
	unsigned modules, firmware;
	unsigned network;     /* of them: drivers of network cards */
	unsigned missing;     /* modules of the index that are not in the root */
	size_t size;          /* bytes in the boot part */
	size_t firmware_size; /* of them */
};

struct boot_modules_wish {
	const char *words; /* see module_choice.h */
	bool compress;     /* those that are not compressed in the root */
};

/* Adds to b the modules for keyboards, consoles and zram, except with the word `none`, and those wished for, of release's
 * modules in the root. -ENOENT: the root has none for this release, or none that a word names. */
int boot_modules_add(struct bootpart *b, const struct root_files *root, const char *release,
		     const struct boot_modules_wish *wish, struct boot_modules *ret,
		     struct fail *f);
