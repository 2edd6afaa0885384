/*
 * A root that has only /usr, as mkosi and others make it: its top gets the links into /usr without which no program there
 * finds its interpreter, and the directories that systemd wants to find. They are those that systemd's own switch-root makes
 * (its base-filesystem.c), by the same conditions. What is made, and how, is the caller's business.
 */
#pragma once

#include <sys/stat.h>

#include "tree/root_files.h"

/* A name of the top that is missing. */
struct usr_root_name {
	const char *name;
	const char *target; /* of a link; NULL: it is a directory */
	mode_t mode;        /* of a directory */
};

/* Calls make for each name that the root lacks; what it makes must be in root when it returns. Nothing is called for where no
 * link is missing, so a root with all its links stays as it is. 0, or what make returned when that was not 0. */
int usr_root_complete(const struct root_files *root,
		      int (*make)(void *arg, const struct usr_root_name *n), void *arg);
