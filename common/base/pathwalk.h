/*
 * What is left of a path that is walked inside a root, component by component: a symbolic link puts its
 * target in front of the rest. Pure: where the walk stands, and what is there, its user knows, which is
 * inroot.c on a file system and root_tree.c in memory. So both walk the same way.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PATHWALK_LINKS_MAX 40 /* as the kernel */
#define PATHWALK_REST_MAX (2 * PATH_MAX)

struct pathwalk {
	/* Goes to the directory above; at the root it stays. 0 or -errno. */
	int (*up)(struct pathwalk *w);
	/* Goes into the directory name, or calls pathwalk_follow for a link of this name. 0 or -errno. */
	int (*enter)(struct pathwalk *w, const char *name);

	bool must_be_directory; /* a slash follows the last component */
	unsigned links;         /* followed so far */
	char *next; /* what is left, inside rest; filled from its end so that links can go in front */
	char rest[PATHWALK_REST_MAX];
};

/* Starts a walk along path; up and enter are the caller's to set. 0 or -ENAMETOOLONG. */
int pathwalk_start(struct pathwalk *w, const char *path);

/* Puts the target, of length bytes, of a link in front of the rest. If it begins with a slash, the caller goes
 * to the root. 0; -ENOENT for an empty target; -ELOOP (more than 40 links) or -ENAMETOOLONG. */
int pathwalk_follow(struct pathwalk *w, const char *target, size_t length);

/* Walks until the last component, which stays in name ("" when the walk ends on a directory that it
 * stands in: the root, "." or ".."). 0; -ENAMETOOLONG for a component of more than NAME_MAX bytes, or
 * what up and enter return. Called again after pathwalk_follow, it walks on. */
int pathwalk_to_last(struct pathwalk *w, char name[NAME_MAX + 1]);
