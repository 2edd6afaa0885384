/*
 * What a directory has that making names in it would change, or that would change what is made in it:
 * its time; a default ACL, which is inherited; the set-group-ID bit, which gives its group away; and,
 * for an ordinary user, a mode that forbids it. All of that is taken before the first change and given
 * back after the last, so that a directory can get all its metadata as soon as it is made, and nothing
 * about it has to be kept in memory until the end.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "tar/xattrs.h"

struct dirstate {
	bool entered;
	bool is_ours; /* we may set its mode and times */
	bool mode_changed;
	mode_t mode;
	struct timespec mtime;
	struct xattrs acl; /* the default ACL, if any; owned */
};

/* For whom the tree is made. */
struct dirstate_rules {
	bool is_root;
	bool look_for_acls; /* directories may have default ACLs: some system calls more for each */
};

/* Prepares the directory fd, which may be O_PATH, for changes. Does nothing when s is entered. 0 or
 * -errno. */
int dirstate_enter(struct dirstate *s, int fd, const struct dirstate_rules *rules);

/* Gives back what was taken. Does nothing when s is not entered; afterwards it is not, in any case. 0 or
 * -errno. */
int dirstate_leave(struct dirstate *s, int fd);

/* The same for a directory that is given up. */
void dirstate_forget(struct dirstate *s);
