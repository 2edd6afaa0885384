/*
 * The names of a root while it is packed or checked (root_tree.h).
 */
#pragma once

#include "root_tree.h"

/* An empty root; it may take a quarter of the memory that is free. The caller ends with root_tree_free. */
int names_new(struct root_tree **ret, struct fail *f);

/* Adds a member that is to be packed: what init could not unpack is refused before anything is written of it. */
int names_pack(struct root_tree *t, const struct member *m, struct fail *f);
