/*
 * What of an etc/crypttab a machine without a disk can have. Pure: text in, text out.
 */
#pragma once

#include <stddef.h>

#include "base/fields.h"

enum crypttab_format {
	CRYPTTAB,        /* name, device, key, options; etc/integritytab has the same */
	CRYPTTAB_VERITY, /* name, device, device of hashes, root hash, options */
};

/* Makes comments of the lines that need a disk, for itself or for its key, or that are swap: systemd waits 90 s for each.
 * Lines with nofail or noauto stay, and those whose device is a file of the root. The rest as fstab_without_disks(). */
int crypttab_without_disks(const char *text, size_t size, enum crypttab_format format, char **ret,
			   size_t *ret_size);

/* Calls each with the name of every entry that needs no disk: /dev/mapper/NAME will be there. Stops at what is not 0, and
 * returns it. */
int crypttab_each_mapped(const char *text, size_t size, enum crypttab_format format,
			 int (*each)(struct field name, void *arg), void *arg);

/* Calls each with the path of every file that is to be swap. Stops at what is not 0, and returns it. */
int crypttab_each_swap_file(const char *text, size_t size, int (*each)(const char *path, void *arg),
			    void *arg);
