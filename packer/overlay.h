/*
 * A directory laid over a root: its files take the place of those of the root, its directories join them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "fail.h"
#include "member.h"
#include "path.h"

struct overlay {
	const char *path;
	uid_t uid; /* of the directory itself: who keeps it. What is this user's becomes root's. */
	gid_t gid;
	struct path_map entries; /* what is in it */
};

/* Reads all names in the directory at path. */
int overlay_open(const char *path, struct overlay *ret, struct fail *f);
void overlay_close(struct overlay *o);

/* Does this member of what lies below make room? A directory, or a symbolic link that stands for one, stays
 * where the overlay has a directory. */
bool overlay_replaces(struct overlay *o, const struct member *m);

/* Is this member of the overlay itself to be packed? Not a directory that was there already. */
bool overlay_adds(const struct overlay *o, const struct member *m);
