/*
 * The disk of a virtual machine, known by its first bytes. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define DISK_FORMAT_HEAD 0x10048 /* bytes that are enough; fewer may be all of the file */

/* Its format as qemu calls it (raw, qcow2, vmdk, vdi…); NULL: it is none. */
const char *disk_format_of(const char *head, size_t size);

/* Of a raw disk: are its sectors of 4 KiB, by where its partition table is? */
bool disk_format_has_large_sectors(const char *head, size_t size);

/* Is it an ISO 9660 image, as of a CD or a live system? Such a file may have partitions, too; a disk may have been one. */
bool disk_format_is_iso(const char *head, size_t size);
