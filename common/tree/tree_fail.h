/*
 * What stops a member from being made, in words: the same from tree.c, on a file system, and from root_tree.c,
 * in memory.
 */
#pragma once

#include "base/fail.h"
#include "tar/member.h"

/* Says that DOING to path failed. Returns -error, which may be given negated, as in all of these. */
int tree_fail(struct fail *f, int error, const char *path, const char *doing);

/* The ".." of its path lead out of the root. */
int tree_fail_leaves(struct fail *f, const struct member *m);

/* The directory that it belongs into cannot be reached or made. */
int tree_fail_parent(struct fail *f, const struct member *m, int error);

/* It is no directory, and would be the root. */
int tree_fail_root(struct fail *f, const struct member *m);

/* It cannot be made there. */
int tree_fail_create(struct fail *f, const struct member *m, int error);

/* A layer makes more names than it may. */
int tree_fail_names(struct fail *f, const char *path);

/* A layer deletes directories in more levels than it may. */
int tree_fail_depth(struct fail *f, const char *path);
