/*
 * How large the root may become, and whether the machine can hold it. Pure.
 */
#pragma once

#include <stdint.h>

#include "fail.h"
#include "memory.h"
#include "size.h"

/* What the unpacking of one payload asks for; bytes, 0 = not known. */
struct rootsize_need {
	uint64_t tree; /* file data in pages */
	uint64_t inodes;
	uint64_t engine;     /* while it unpacks */
	uint64_t given_back; /* of the payload, while it unpacks */
};

/* Bytes of free memory that it takes, all together. */
uint64_t rootsize_needed(const struct rootsize_need *need);

/* Bytes that remain for the engine beside the tree; 0 when there is nothing. */
uint64_t rootsize_left(const struct memory *m, const struct rootsize_need *need);

/* Chooses the size of the root tmpfs in bytes: asked, or for SIZE_AUTO the tree plus half of what
 * remains. -ENOSPC, with the numbers in *f, when the tree does not fit into what is asked or the
 * machine cannot hold it. */
int rootsize_choose(const struct memory *m, const struct rootsize_need *need, struct size asked,
		    uint64_t *ret, struct fail *f);
