/*
 * What of an etc/fstab a machine without a disk can have. Pure: text in, text out.
 */
#pragma once

#include <stddef.h>

#include "base/path.h"

/* Makes comments of the lines that need a disk (block devices by path or tag, pools of zfs, swap, the root itself, which
 * is in RAM, and what lies on one that another line mounts) or the host of a virtual machine (virtiofs, vboxsf, 9p). By
 * the kind of source and type, as mount and systemd look at them; what neither knows is taken for a disk. Lines with
 * nofail, noauto or x-systemd.automount stay, since a machine boots without them; so do network file systems, and
 * /dev/mapper/NAME for the names in mapped. text: size bytes. Returns how many lines it changed and the new text, which is
 * the caller's; or -ENOMEM. */
int fstab_without_disks(const char *text, size_t size, const struct path_map *mapped, char **ret,
			size_t *ret_size);

/* Calls each with the path of every swap file. Stops at what is not 0, and returns it. */
int fstab_each_swap_file(const char *text, size_t size, int (*each)(const char *path, void *arg),
			 void *arg);
