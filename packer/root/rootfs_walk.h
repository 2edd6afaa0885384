/*
 * The order in which the names of a root are packed and told about: a directory before what is in it, names by their bytes. So
 * the same root gives the same archive, wherever it comes from.
 */
#pragma once

#include <limits.h>

#include "tree/root_tree.h"

struct rootfs_level;

struct rootfs_walk {
	char path[2 * PATH_MAX];    /* of the name that came last, from the root; "" is the root */
	struct rootfs_level *level; /* owned */
	bool has_failed;            /* it ended since there is no memory */
};

/* Starts at the top, which is not the walk's. Names must neither come nor go while it lasts. 0 or -ENOMEM. */
int rootfs_walk_start(struct rootfs_walk *w, struct root_name *top);

/* The next name; NULL: it was the last, or there is no memory (has_failed). */
struct root_name *rootfs_walk_next(struct rootfs_walk *w);

void rootfs_walk_end(struct rootfs_walk *w);
