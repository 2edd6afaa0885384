/*
 * Is an archive here that the kernel unpacked from the initramfs? A kernel that has no room left for the initramfs cuts it, and runs /init
 * all the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "codec/payload.h"

/* Bytes of it that are really here; all of them where nothing can tell. */
uint64_t initramfs_present(const struct payload *p);

/* Is the file system of the initramfs full? */
bool initramfs_is_full(void);

/* Does the kernel say that it had no room for all of it? */
bool initramfs_is_cut(void);

/* Fails for an archive of which these are here, of so many. */
int initramfs_fail_no_room(const char *name, uint64_t present, uint64_t expected, struct fail *f);

/* Fails for what is not here. */
int initramfs_fail_cut(struct fail *f);

/* If the kernel says that it had no room: is this file, that is needed, missing or not here to its end? -ENOSPC with *f set; else 0. */
int initramfs_fail_if_cut(const char *path, struct fail *f);
