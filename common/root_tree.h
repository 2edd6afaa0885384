/*
 * The names that the members of an archive make in an empty root, in memory: what would unpacking them there
 * refuse? It resolves names, replaces what is there and follows links as tree.c does on a file system, and says
 * the same of what cannot be made. It knows nothing of data, owners, modes and attributes. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"
#include "member.h"

struct root_tree;

/* limit: bytes that it may take; SIZE_MAX = any number. The caller ends with root_tree_free. 0 or -ENOMEM. */
int root_tree_new(size_t limit, struct root_tree **ret);

/* Adds what m says; its strings are copied. 0; -ENOMEM: there is no memory for it; else -errno: init could not
 * unpack m, and *f is what tree_add would say. It may go on after that, as tree_add may. */
int root_tree_add(struct root_tree *t, const struct member *m, struct fail *f);

/* Bytes that it may take, and that it has taken. */
size_t root_tree_limit(const struct root_tree *t);
size_t root_tree_memory(const struct root_tree *t);

/* Names in it, without the root itself. */
size_t root_tree_names(const struct root_tree *t);

/* What has this path, from the root, without a link, "." or ".." in it? A hard link has the type of the file
 * whose other name it is. */
bool root_tree_find(const struct root_tree *t, const char *path, enum member_type *ret);

void root_tree_free(struct root_tree *t);
