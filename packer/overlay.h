/*
 * A directory laid over a root: its files take the place of those of the root, its directories join them. It may be the
 * upper directory of an overlayfs: what is deleted there is deleted in the root.
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

enum overlay_effect {
	OVERLAY_LETS_BE,
	OVERLAY_REPLACES,
	OVERLAY_DELETES, /* by a whiteout of overlayfs, or below a directory that it calls opaque */
};

/* What becomes of this member of what lies below? A directory, or a symbolic link that may stand for one, stays where
 * the overlay has a directory. */
enum overlay_effect overlay_judge(const struct overlay *o, const struct member *m);

/* Notes that this member of what lies below, which overlay_judge() let be, is packed. */
void overlay_note(struct overlay *o, const struct member *m);

/* Is this member of the overlay itself to be packed? Not a directory that was there already, as such or by a link to
 * one: root_fd, which may be -1, is asked where the link leads; without it every link is taken for one. */
bool overlay_adds(const struct overlay *o, const struct member *m, int root_fd);

/* Takes from a member of the overlay what is its keeper's own: owner, and the attributes of overlayfs. */
void overlay_disown(const struct overlay *o, struct member *m);
