/*
 * How much memory there is and how large the root may become.
 */
#pragma once

#include <stdint.h>

#include "fail.h"
#include "size.h"

struct memory {
	uint64_t total;     /* bytes of RAM */
	uint64_t available; /* bytes that can be used without swapping, as the kernel estimates */
};

/* Reads /proc/meminfo. 0 or -errno. */
int memory_read(struct memory *ret);

/* What the unpacking of one payload asks for; bytes, 0 = not known. */
struct memory_need {
	uint64_t tree; /* file data in pages */
	uint64_t inodes;
	uint64_t engine;     /* while it unpacks */
	uint64_t given_back; /* of the payload, while it unpacks */
};

/* Chooses the size of the root tmpfs in bytes: asked, or for SIZE_AUTO the tree plus half of what
 * remains. Pure. -ENOSPC, with the numbers in *f, when the tree does not fit into what is asked or
 * the machine cannot hold it. */
int memory_choose_size(const struct memory *m, const struct memory_need *need, struct size asked,
		       uint64_t *ret, struct fail *f);
