/*
 * The way out of the initramfs: the new root becomes /, the old one is emptied, the new init starts.
 */
#pragma once

#include "boot.h"

/* Makes NEW_ROOT the root of this process, by pivot_root or, where the kernel refuses that for a
 * rootfs, by moving the mount. After a failure all is as before. */
int handover_switch_root(struct boot *b);

/* Deletes everything in the old root, which gives its memory back. Only in a ramfs or tmpfs, and
 * never beyond it. */
int handover_delete_initramfs(struct boot *b);

/* Starts b->new_init as PID 1; comes back only on failure. */
int handover_exec(struct boot *b);
