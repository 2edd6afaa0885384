/*
 * How large the root may become, and whether the machine can hold it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "image/manifest.h"
#include "base/memory.h"
#include "base/size.h"

/* What the unpacking of a root asks for; bytes, 0 = not known. */
struct rootsize_need {
	uint64_t tree;       /* file data in pages */
	uint64_t inodes;     /* each takes kernel memory */
	uint64_t xattrs;     /* kernel memory, too */
	uint64_t engine;     /* while it unpacks */
	uint64_t given_back; /* of the payload, while it unpacks */
	uint64_t compressed; /* become free when the tree is swapped to zram */

	/* Without a manifest tree is what tree, inodes and xattrs take together at least; the tree alone and
	 * the inodes are these at most. */
	bool is_estimate;
	uint64_t tree_most, inodes_most;
};

/* Sets all but engine, given_back and compressed: by the manifest or, where there is none (NULL), by the bytes of the archive, which has
 * least to most of them. page: bytes in a page of the machine that unpacks. */
void rootsize_need(const struct manifest *m, uint64_t least, uint64_t most, uint64_t page,
		   struct rootsize_need *ret);

/* Adds what a further archive in the same tree asks for, engine and compressed apart. */
void rootsize_add(struct rootsize_need *to, const struct rootsize_need *more);

/* Bytes of RAM that stay in use for it when it is unpacked. */
uint64_t rootsize_tree(const struct rootsize_need *need);

/* Bytes of free memory that it takes, all together. */
uint64_t rootsize_needed(const struct rootsize_need *need);

/* Of that, bytes that can be swapped while it is unpacked or by the new init. */
uint64_t rootsize_swappable(const struct rootsize_need *need);

/* Bytes that can be used: free ones, and those that become free meanwhile. */
uint64_t rootsize_available(const struct memory *m, const struct rootsize_need *need);

/* Bytes that remain for the engine beside the tree; 0 when there is nothing. */
uint64_t rootsize_left(const struct memory *m, const struct rootsize_need *need);

/* Chooses the size of the root tmpfs in bytes: asked, or for SIZE_AUTO the tree plus half of what
 * remains; for a tree that nobody knows all that it may take, until rootsize_settle. -ENOSPC, with the
 * numbers in *f, when the tree does not fit into what is asked or the machine cannot hold it. */
int rootsize_choose(const struct memory *m, const struct rootsize_need *need, struct size asked,
		    uint64_t *ret, struct fail *f);

/* The size of a root tmpfs in which a tree takes so many bytes, now that it is there: half as much again as
 * remains. */
uint64_t rootsize_settle(const struct memory *m, uint64_t used);

/* While it is unpacked: how many bytes of tar may follow before memory must be looked at again, so that no
 * archive, whatever is in it, can use up what is available before that; 0 = stop, there is no more. */
uint64_t rootsize_ahead(uint64_t available, uint64_t page);
