/*
 * The root as a payload: the names that are not marked, in the order of rootfs_walk.h, with their data.
 */
#pragma once

#include <time.h>

#include "image/payload_write.h"
#include "root/rootfs.h"

/* newest: seconds since 1970; what is younger gets this time. bytes: of all files, for progress; 0 = not known. */
int rootfs_write(struct rootfs *fs, struct payload_writer *w, time_t newest, uint64_t bytes,
		 struct fail *f);
