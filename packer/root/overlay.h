/*
 * A directory laid over a root: its files take the place of those of the root, its directories join them. Its whiteouts
 * (whiteout.h) delete in the root. It may be the upper directory of an overlayfs: what is deleted there is deleted, too.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/fail.h"
#include "root/rootfs.h"

struct overlay {
	const char *path;
	uid_t uid; /* of the directory itself: who keeps it. What is this user's becomes root's. */
	gid_t gid;
	bool is_deleting; /* what goes now goes since the overlay says so, not for something in its place */
};

/* Is there such a directory, and can it be laid over that root, "-" or the name of an image included? Reads neither. -EINVAL: it is the
 * running system, or the root, or has the root in it. */
int overlay_check_given(const char *path, const char *root, struct fail *f);

/* Lays the directory at path, which must outlive ret, over what is there. */
int overlay_add(struct overlay *ret, struct rootfs *fs, const char *path, struct fail *f);

/* What overlayfs means by a member of an upper directory: a name, or all in a directory, is deleted below. */
bool overlay_is_whiteout(const struct member *m);
bool overlay_is_opaque(const struct member *m);

/* With *f set: -ENOTSUP for a redirect or metacopy, since only a mount knows where their data is; -EPERM where this user may not see
 * whether it is one. path: the upper directory. */
int overlay_check(const char *path, const struct member *m, struct fail *f);

/* Makes files of the directory's owner root's, and drops overlayfs attributes. */
void overlay_disown(struct member *m, uid_t uid, gid_t gid);
