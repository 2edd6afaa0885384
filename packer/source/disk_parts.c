/*
 * qcow2: QEMU, docs/interop/qcow2.txt. vmdk: VMware, "Virtual Disk Format 5.0"; which of its names count is what qemu's
 * block/vmdk.c reads.
 */
#include "source/disk_parts.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define QCOW2_BACKING_OFFSET 8
#define QCOW2_BACKING_SIZE 16
#define QCOW2_INCOMPATIBLE_LAST 79 /* byte with the lowest bits; since version 3 */
#define QCOW2_DATA_FILE 4          /* bit in it */
#define QCOW2_HEADER_SIZE 100

#define VPC_TYPE 63 /* the last byte of four */
#define VPC_DIFFERENCING 4

#define VMDK_CAPACITY 12
#define VMDK_TEXT_OFFSET 28
#define VMDK_PARENT "parentFileNameHint"
#define VMDK_EXTENT "\nRW "

static uint64_t big_endian(const unsigned char *at, size_t size)
{
	uint64_t value = 0;

	while (size-- > 0)
		value = value << 8 | *at++;
	return value;
}

static void copy_name(char ret[DISK_PARTS_NAME_MAX], const unsigned char *head, uint64_t at,
		      uint64_t size)
{
	if (at >= DISK_PARTS_HEAD)
		return;
	size = min_u64(size, DISK_PARTS_HEAD - at);
	snprintf(ret, DISK_PARTS_NAME_MAX, "%.*s", (int)size, (const char *)head + at);
}

/* The name of the data file is in one of the extensions behind the header. */
static void copy_data_file(char ret[DISK_PARTS_NAME_MAX], const unsigned char *head)
{
	uint64_t at = big_endian(head + QCOW2_HEADER_SIZE, 4), size;

	for (; at + 8 <= DISK_PARTS_HEAD; at += 8 + (size + 7) / 8 * 8) {
		size = big_endian(head + at + 4, 4);
		if (memcmp(head + at, "DATA", 4) == 0)
			copy_name(ret, head, at + 8, size);
	}
}

/* A backing file has what the disk has not, a data file all of the content. */
static bool qcow2_is_elsewhere(const unsigned char *head, char ret[DISK_PARTS_NAME_MAX])
{
	uint64_t backing = big_endian(head + QCOW2_BACKING_OFFSET, 8);

	if (backing) {
		copy_name(ret, head, backing, big_endian(head + QCOW2_BACKING_SIZE, 4));
		return true;
	}
	if (big_endian(head + 4, 4) < 3 || !(head[QCOW2_INCOMPATIBLE_LAST] & QCOW2_DATA_FILE))
		return false;
	copy_data_file(ret, head);
	return true;
}

/* from: the line that has the name in quotes. */
static void copy_quoted(char ret[DISK_PARTS_NAME_MAX], const unsigned char *head, const char *from)
{
	const char *start = (const char *)head, *end = start + DISK_PARTS_HEAD, *close;

	from = memchr(from, '"', (size_t)(end - from));
	if (!from)
		return;
	from++;
	close = memchr(from, '"', (size_t)(end - from));
	copy_name(ret, head, (uint64_t)(from - start), (uint64_t)((close ? close : end) - from));
}

/* The text alone, or one behind a header without a capacity, lists files that have the content. Behind a header with one it
 * lists only the disk itself, which counts for nothing; but a parent counts. */
static bool vmdk_is_elsewhere(const unsigned char *head, char ret[DISK_PARTS_NAME_MAX])
{
	bool is_text = head[0] == '#';
	bool lists_files = is_text || (is_zero(head + VMDK_CAPACITY, 8) &&
				       !is_zero(head + VMDK_TEXT_OFFSET, 8));
	size_t start = is_text ? 0 : 512, size = DISK_PARTS_HEAD - start;
	const char *parent = memmem(head + start, size, VMDK_PARENT, strlen(VMDK_PARENT));
	const char *extent = memmem(head + start, size, VMDK_EXTENT, strlen(VMDK_EXTENT));

	if (parent)
		copy_quoted(ret, head, parent);
	else if (lists_files && extent)
		copy_quoted(ret, head, extent);
	return parent || lists_files;
}

bool disk_parts_elsewhere(const char *format, const unsigned char head[DISK_PARTS_HEAD],
			  char ret[DISK_PARTS_NAME_MAX])
{
	*ret = '\0';
	if (strcmp(format, "qcow2") == 0)
		return qcow2_is_elsewhere(head, ret);
	if (strcmp(format, "vpc") == 0)
		return head[VPC_TYPE] == VPC_DIFFERENCING;
	return strcmp(format, "vmdk") == 0 && vmdk_is_elsewhere(head, ret);
}
