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
	/* See rootfs_fill. */
	bool (*is_left_out)(void *arg, const char *path, bool is_directory);
	bool (*is_data_left_out)(void *arg, const char *path);
	void (*note_left_out)(void *arg, const char *path, bool is_directory);
	void *arg;
};

int rootfs_load(struct rootfs *fs, const struct rootfs_input *in, struct fail *f);
