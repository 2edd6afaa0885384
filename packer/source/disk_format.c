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

/* Where the first partition of a GUID partition table begins, in bytes; UINT64_MAX: it has none. */
static uint64_t first_byte_of_gpt(const char *head, size_t size, size_t sector)
{
	uint64_t table = little_endian(head + sector + 72, 8), first = UINT64_MAX;

	if (table > size / sector)
		return first;
	for (size_t i = 0, at = (size_t)table * sector; i < 128 && at + 128 <= size; i++, at += 128)
		if (little_endian(head + at, 8) != 0 && little_endian(head + at + 32, 8) < first)
			first = little_endian(head + at + 32, 8);
	return first == UINT64_MAX ? first : first * sector;
}

/* The same of any partition table. Beside a GUID table, the boot record has one partition that is all of the disk. */
static uint64_t first_byte(const char *head, size_t size)
{
	static const size_t sectors[] = { 512, 4096 };
	uint64_t first = UINT64_MAX;

	if (!has_partitions(head, size))
		return first;
	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++)
		if (has_bytes(head, size, sectors[i], "EFI PART", 8) && size >= 2 * sectors[i])
			return first_byte_of_gpt(head, size, sectors[i]);
	for (size_t at = 446; at < 510; at += 16)
		if (little_endian(head + at + 12, 4) != 0 &&
		    little_endian(head + at + 8, 4) < first)
			first = little_endian(head + at + 8, 4);
	return first == UINT64_MAX ? first : first * 512;
}

/* Of the types that only ISO images have: none, hidden NTFS, ISO 9660. */
static bool has_iso_partition(const char *head, size_t size)
{
	for (size_t at = 446; has_partitions(head, size) && at < 510; at += 16)
		if (little_endian(head + at + 12, 4) != 0 &&
		    memchr("\x00\x17\xcd", head[at + 4], 3))
			return true;
	return false;
}

/* A partition of an ISO image has a type of its own, or begins where the image begins, or soon after. Where all begin at 1 MiB or later,
 * as partitioners make them, a disk still has a sector of the ISO image that was on it before. */
bool disk_format_is_iso(const char *head, size_t size)
{
	uint64_t first = first_byte(head, size);

	return has_bytes(head, size, 0x8001, "CD001", 5) &&
	       (first < 1 << 20 || first == UINT64_MAX || has_iso_partition(head, size));
}
