/*
 * The order in which the names of a root are packed and told about: a directory before what is in it, names by their bytes. So
 * the same root gives the same archive, wherever it comes from.
 */
#pragma once

#include "base/fail.h"
#include "tree/root_tree.h"

/* path: of n, from the root; "" is the root. 0 to go on, else it ends the walk. */
typedef int rootfs_visit(void *arg, struct root_name *n, const char *path, struct fail *f);

/* Visits top and all below it. Names must neither come nor go meanwhile. 0, -ENOMEM with *f filled, or what visit returned. */
int rootfs_walk(struct root_name *top, rootfs_visit *visit, void *arg, struct fail *f);
