/*
 * From what a user names to a root in memory: a directory, an archive, the disk of a virtual machine, or the layers of a
 * container image.
 */
#pragma once

#include "source/image_list.h"
#include "root/rootfs.h"

struct rootfs_input {
	const char *path;                  /* "-": standard input; or a reference (image_input.h) */
	const struct image_choice *choice; /* of several images in it; NULL: none is asked for */
	const struct rootfs_filter *filter; /* NULL: all is taken */
};

int rootfs_load(struct rootfs *fs, const struct rootfs_input *in, struct fail *f);
