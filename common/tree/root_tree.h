/*
 * The names of a root in memory, as members make them in an empty one: names are resolved, what is there is replaced and links
 * are followed as tree.c does on a file system, and what cannot be made is refused in the same words. What is in a file,
 * owners, modes and attributes are the business of whoever keeps something by the number of an inode. Pure.
 *
 * An archive is unpacked over what is there as GNU tar would do it. A layer lies on top of the layers before it, as those of
 * a container image or an overlay: what it has takes the place of what they have, whatever that is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "tar/member.h"

struct root_tree;

/* The text of a symbolic link, which its hard links share. */
struct link_text {
	uint32_t names;
	uint32_t length;
	char text[]; /* no NUL */
};

/* A name in a directory. All but layer and mark is root_tree.c's to change. */
struct root_name {
	struct root_name *next;           /* in its bucket */
	struct root_name *parent;         /* NULL: it is the root */
	struct root_name *before, *after; /* in the directory, in no order */
	union {
		struct {
			struct root_name *first; /* name in it; NULL = it is empty */
			uint16_t path_length;    /* of it, from the root */
			uint16_t emptied;        /* the last layer that removed all below it */
			uint16_t joined;         /* the last overlay that has it, too */
		} directory;
		struct link_text *link;
	} is;
	uint32_t inode; /* number, from 0, the root's; its hard links share it */
	uint16_t layer; /* that made it, or has it, too */
	/* 0; for whoever decides about names: what is marked is not found by root_tree_find_packed(). */
	uint16_t mark;
	uint8_t type; /* enum member_type; never MEMBER_HARDLINK */
	uint8_t length;
	char text[]; /* no NUL */
};

enum root_tree_how {
	ROOT_TREE_ARCHIVE, /* a directory with something in it gives way to nothing but a directory */
	ROOT_TREE_LAYER,   /* what lower layers have gives way with all that is in it */
	ROOT_TREE_OVERLAY, /* and a directory over a link to a directory means that one */
};

/* limit: bytes that it may take; SIZE_MAX = any number. The caller ends with root_tree_free. 0 or -ENOMEM. */
int root_tree_new(size_t limit, struct root_tree **ret);
void root_tree_free(struct root_tree *t);

/* What follows belongs to this layer, from 0 on, never less than before. */
void root_tree_set_layer(struct root_tree *t, uint16_t layer, enum root_tree_how how);

/* What follows is refused where init refuses it: more than LAYER_NAMES_MAX names in a layer, and LAYER_DEPTH_MAX levels. */
void root_tree_limit_layers(struct root_tree *t);

/* gone is called for each name just before it goes, first for those below it. */
void root_tree_watch(struct root_tree *t, void (*gone)(void *arg, const struct root_name *n),
		     void *arg);

/* Adds what m says; its strings are copied. 0; -ENOMEM: there is no memory for it; else -errno: init could not
 * unpack m, and *f is what tree_add would say. It may go on after that, as tree_add may. *ret: the name that m
 * is now; *ret_is_new: it, or for a hard link its name, was made, and not a directory or the same file found there. */
int root_tree_put(struct root_tree *t, const struct member *m, struct root_name **ret,
		  bool *ret_is_new, struct fail *f);
int root_tree_add(struct root_tree *t, const struct member *m, struct fail *f);

/* Removes what lower layers have: the name with all below it (is_opaque false), or only what is below it. What the current
 * layer has stays, and the directories that lead there. */
void root_tree_remove(struct root_tree *t, struct root_name *n, bool is_opaque);

/* Would that be more than the limits allow? */
bool root_tree_is_too_deep(const struct root_tree *t, const struct root_name *n, bool is_opaque);

/* ---- asking ---- */

/* Where path leads, links on it followed, a link in its last component too if follow. *ret is NULL, or the name. 0;
 * -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG. */
int root_tree_find(struct root_tree *t, const char *path, bool follow, struct root_name **ret);

/* The same, as if what is marked were not there. */
int root_tree_find_packed(struct root_tree *t, const char *path, bool follow,
			  struct root_name **ret);

struct root_name *root_tree_root(struct root_tree *t);

/* The name next to n in a walk through all below top, where a directory comes before what is in it; start with top. NULL: it
 * was the last. Names in a directory come in no order. */
struct root_name *root_tree_next(const struct root_name *top, struct root_name *n);

/* Writes the path from the root, without a slash before it ("" is the root), of fewer than 2 * PATH_MAX bytes. Returns its
 * length. */
size_t root_name_path(const struct root_name *n, char *ret);

/* Bytes that it may take, and that it has taken. */
size_t root_tree_limit(const struct root_tree *t);
size_t root_tree_memory(const struct root_tree *t);

/* Names in it, without the root itself; and numbers of inodes that were given. */
size_t root_tree_names(const struct root_tree *t);
uint32_t root_tree_inodes(const struct root_tree *t);
