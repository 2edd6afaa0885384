/* Magic numbers as qemu, the kernel and LVM have them. */
#include "source/disk_format.h"

#include <stdint.h>
#include <string.h>

#include "base/util.h"

static const struct {
	const char *format;
	size_t at;
	const char *bytes;
	size_t n;
} magics[] = {
	{ "qcow2", 0, "QFI\xfb", 4 },
	{ "vmdk", 0, "KDMV", 4 },
	{ "vmdk", 0, "# Disk DescriptorFile", 21 },
	{ "vdi", 64, "\x7f\x10\xda\xbe", 4 },
	{ "vhdx", 0, "vhdxfile", 8 },
	{ "vpc", 0, "conectix", 8 }, /* a fixed one has it at its end alone, and is read as raw */
	{ "raw", 0, "XFSB", 4 },
	{ "raw", 0x10040, "_BHRfS_M", 8 },
	{ "raw", 512, "LABELONE", 8 }, /* LVM without partitions */
};

/* A boot record, whose two magic bytes any file may have: so its four partitions must look like some. */
static bool has_partitions(const char *head, size_t size)
{
	bool any = false;

	if (!has_bytes(head, size, 510, "\x55\xaa", 2))
		return false;
	for (size_t at = 446; at < 510; at += 16) {
		if (head[at] != 0 && head[at] != (char)0x80)
			return false;
		any = any || head[at + 4] != 0;
	}
	return any;
}

/* An ext file system on the whole disk: its magic, and blocks of at most 64 KiB. */
static bool is_ext(const char *head, size_t size)
{
	return has_bytes(head, size, 1080, "\x53\xef", 2) && (unsigned char)head[1048] <= 6 &&
	       has_bytes(head, size, 1049, "\0\0", 3);
}

const char *disk_format_of(const char *head, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (has_bytes(head, size, magics[i].at, magics[i].bytes, magics[i].n))
			return magics[i].format;
	return has_partitions(head, size) || is_ext(head, size) ? "raw" : NULL;
}

bool disk_format_has_large_sectors(const char *head, size_t size)
{
	static const char gpt[] = "EFI PART";

	return has_bytes(head, size, 4096, gpt, 8) && !has_bytes(head, size, 512, gpt, 8);
}

static uint64_t little_endian(const char *at, size_t bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | (unsigned char)at[bytes];
	return n;
}

/* The first sector of any partition in a GUID partition table; UINT64_MAX: there is none. */
static uint64_t first_sector_of_gpt(const char *head, size_t size)
{
	uint64_t table = size >= 1024 ? little_endian(head + 512 + 72, 8) : 0, first = UINT64_MAX;

	if (table > size / 512)
		return first;
	for (size_t i = 0, at = (size_t)table * 512; i < 128 && at + 128 <= size; i++, at += 128)
		if (little_endian(head + at, 8) != 0 && little_endian(head + at + 32, 8) < first)
			first = little_endian(head + at + 32, 8);
	return first;
}

/* The same, by the boot record where that is not only for programs that do not know the other table. */
static uint64_t first_sector(const char *head, size_t size)
{
	uint64_t first = UINT64_MAX;

	if (!has_partitions(head, size))
		return first;
	if (has_bytes(head, size, 512, "EFI PART", 8))
		return first_sector_of_gpt(head, size);
	for (size_t at = 446; at < 510; at += 16)
		if (little_endian(head + at + 12, 4) != 0 &&
		    little_endian(head + at + 8, 4) < first)
			first = little_endian(head + at + 8, 4);
	return first;
}

/* A partition of an ISO image has that image, and begins where it begins, or soon after. Where all begin at 1 MiB or later, as partitioners
 * make them, a disk still has a sector of the ISO image that was on it before. */
bool disk_format_is_iso(const char *head, size_t size)
{
	uint64_t first = first_sector(head, size);

	return has_bytes(head, size, 0x8001, "CD001", 5) && (first < 2048 || first == UINT64_MAX);
}
