/*
 * Disks of virtual machines that are not all of their content: qcow2 and vmdk can name other files, which whoever opens
 * the disk reads, whatever they are. qemu knows such disks of vdi and vhdx, too, but refuses them itself; of vhd (vpc) it
 * takes them for whole. Pure.
 */
#pragma once

#include <stdbool.h>

#define DISK_PARTS_HEAD \
	(21 *           \
	 512) /* bytes that are enough, of vmdk the header and its text; zeros behind a shorter file */
#define DISK_PARTS_NAME_MAX 200 /* of longer names the start */

/* Does this disk, in a format as qemu calls it, take content from another file? That one's name, if head has it, goes to
 * ret, else "". */
bool disk_parts_elsewhere(const char *format, const unsigned char head[DISK_PARTS_HEAD],
			  char ret[DISK_PARTS_NAME_MAX]);
