/* Magic numbers as qemu, the kernel and LVM have them. */
#include "source/disk_format.h"

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

bool disk_format_is_iso(const char *head, size_t size)
{
	return has_bytes(head, size, 0x8001, "CD001", 5);
}
