/*
 * What was given is no root, but may have one in it: many archives have a directory above it, an appliance has the disk of
 * a virtual machine, the top of a btrfs has subvolumes.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "tree/root_files.h"

struct root_inside {
	char name[NAME_MAX + 1]; /* of the directory, or of the file */
	bool is_directory;       /* else a disk, or a file system in a file */
};

/* False: it is a root, if not a complete one, or there is nothing of that kind. */
bool root_inside_find(const struct root_files *packed, struct root_inside *ret);
