/*
 * A root that has only /usr: the names of its top that init would make (usr_root.h) are put into the image, so that it is
 * checked, measured and unpacked elsewhere as it boots.
 */
#pragma once

#include "root/rootfs.h"

#define USR_NAMES_MAX 8

struct usr_names {
	const char *names[USR_NAMES_MAX];
	size_t n;
	char text[96]; /* all of them, as "/bin, /lib" */
};

/* Adds what is missing. 0 or -errno with *f filled. */
int usr_names_add(struct rootfs *fs, struct usr_names *ret, struct fail *f);
