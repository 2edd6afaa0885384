/*
 * The kernel's file systems, which are mounted for /init and moved to the new root for the new init.
 */
#pragma once

#include "base/boot.h"

/* Mounts /proc, /sys, /dev, /dev/pts, /dev/shm and /run as systemd would. */
int mounts_make(struct boot *b);

/* Moves them below NEW_ROOT. */
int mounts_move(struct boot *b);

/* Undoes mounts_move() after it or a later step failed. */
void mounts_move_back(void);
