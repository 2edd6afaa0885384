/*
 * What of an etc/fstab a machine without a disk can have. Pure: text in, text out.
 */
#pragma once

#include <stddef.h>

/* Makes comments of the lines that need a disk: mounts of block devices, by path, label or UUID, swap, and
 * the root itself, which is in RAM. Lines with nofail or noauto stay, since a machine boots without them;
 * so does everything that needs no disk. text: size bytes. Returns how many lines it changed and the new
 * text, which is the caller's; or -ENOMEM. */
int fstab_without_disks(const char *text, size_t size, char **ret, size_t *ret_size);
