/*
 * The root as a payload: the names that are not marked, in the order of rootfs_walk.h, with their data.
 */
#pragma once

#include <time.h>

#include "image/payload_write.h"
#include "root/rootfs.h"

struct rootfs_progress {
	const char *doing;
	uint64_t bytes; /* of all files */
};

/* newest: seconds since 1970; what is younger gets this time. */
int rootfs_write(struct rootfs *fs, struct payload_writer *w, time_t newest,
		 const struct rootfs_progress *progress, struct fail *f);
