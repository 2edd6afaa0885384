/*
 * Leaves the initramfs: makes the new root /, deletes the old one, starts the new init.
 */
#pragma once

#include "base/boot.h"

/* Makes NEW_ROOT the root of this process, by pivot_root or, where the kernel refuses that for a
 * rootfs, by moving the mount. Nothing is changed after a failure. */
int handover_switch_root(struct boot *b);

/* Deletes all files in the old root, which frees their memory. Only if it is a ramfs or tmpfs; other file systems
 * mounted in it are left alone. */
int handover_delete_initramfs(struct boot *b);

/* Starts b->new_init as PID 1; returns only on failure. */
int handover_exec(struct boot *b);
