/* Files that are given for a root and are no tar. */
#include "source/file_kind.h"

#include "scratch.h"

static const char *kind_of(const void *data, size_t size)
{
	void *copy = exact_copy(data, size);
	const struct file_kind *kind = file_kind_of(copy, size);

	free(copy);
	return kind ? kind->what : "";
}

/* The last bytes of a boot record whose first partition has a type. */
#define ZEROS_19 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define PARTITION "\xee" ZEROS_19 ZEROS_19 ZEROS_19 "\0\0\x55\xaa"

static const struct {
	size_t at;
	const char *bytes;
	size_t n;
	const char *what;
} cases[] = {
	{ 0, "hsqs", 4, "a squashfs image" },
	{ 1024, "\xe2\xe1\xf5\xe0", 4, "an erofs image" },
	{ 0, "LUKS\xba\xbe", 6, "an encrypted disk (LUKS)" },
	{ 0, "070701", 6, "" },
	{ 0, "070702", 6, "" },
	{ 0, "070707", 6, "" },
	{ 0, "070703\0", 7, "neither a tar nor a cpio archive" },
	{ 0, "\xc7\x71", 2, "a cpio archive in the old binary format" },
	{ 0, "\x71\xc7", 2, "a cpio archive in the old binary format" },
	{ 0, "PK\3\4", 4, "a zip archive" },
	{ 0, "7z\xbc\xaf\x27\x1c", 6, "a 7z archive" },
	{ 0, "Rar!", 4, "a rar archive" },
	{ 0, "!<arch>\n", 8, "an ar archive, as a .deb is" },
	{ 0, "\x7f\x45LF", 4, "a program" },
	{ 0, "MZ", 2, "a program for UEFI or Windows" },
	{ 0, "\xed\xab\xee\xdb", 4, "an rpm package" },
	{ 32, "SIF_MAGIC", 9, "a Singularity image" },
	{ 0, "VMA", 4, "a backup of Proxmox" },
	{ 0, "btrfs-stream", 13, "a stream of btrfs send" },
	{ 0, "partclone-image", 15, "an image of partclone (Clonezilla)" },
	{ 0, "QFI\xfb", 4, "the disk of a virtual machine" },
	{ 0, "KDMV", 4, "the disk of a virtual machine" },
	{ 64, "\x7f\x10\xda\xbe", 4, "the disk of a virtual machine" },
	{ 0, "vhdxfile", 8, "the disk of a virtual machine" },
	{ 0, "conectix", 8, "the disk of a virtual machine" },
	{ 512, "LABELONE", 8, "the disk of a virtual machine" },
	{ 0x10040, "_BHRfS_M", 8, "the disk of a virtual machine" },
	{ 446 + 4, PARTITION, 62, "the disk of a virtual machine" },
	{ 0x8001, "CD001", 5, "an ISO image" },
	{ 514, "HdrS", 4, "a Linux kernel" },
	{ 0, "XFSB", 4, "the disk of a virtual machine" },
	{ 3, "\1", 1, "neither a tar nor a cpio archive" },
};

static void test_magics(void)
{
	static char data[FILE_KIND_HEAD];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t end = cases[i].at + cases[i].n;

		memset(data, 0, sizeof(data));
		data[600] = 1;
		memcpy(data + cases[i].at, cases[i].bytes, cases[i].n);
		is_str(kind_of(data, sizeof(data)), cases[i].what, "by its magic");
		is_str(kind_of(data, end), cases[i].what, "also when that is all");
	}
	memset(data, 0, sizeof(data));
	memcpy(data, "070701", 6);
	memcpy(data + 2000, "tarboot/manifest", 16);
	is_str(kind_of(data, sizeof(data)), "an image of tarboot pack", "our own image");
}

static void test_texts(void)
{
	is_str(kind_of("hello\n", 6), "a text", "a text");
	is_str(kind_of("#!/bin/sh\n", 10), "a text", "a script");
	is_str(kind_of("K\xc3\xa4se\n", 6), "a text", "UTF-8");
	is_str(kind_of("hello\0x", 7), "neither a tar nor a cpio archive", "what has a NUL");
}

static void test_tars(void)
{
	static char data[2 * 512];
	char old[512] = "";
	unsigned sum = 8 * ' ';

	is_str(kind_of(data, sizeof(data)), "", "an empty tar");
	memcpy(data, "hsqs", 4);
	memcpy(data + 257, "ustar", 5);
	is_str(kind_of(data, sizeof(data)), "", "a tar whatever its first name is");
	memcpy(old, "a-file", 6);
	memcpy(old + 100, "0000644", 7);
	for (size_t i = 0; i < sizeof(old); i++)
		sum += (unsigned char)old[i];
	snprintf(old + 148, 8, "%06o", sum);
	is_str(kind_of(old, sizeof(old)), "", "one from before ustar, by its checksum");
	old[1] = 'b';
	is_str(kind_of(old, sizeof(old)), "neither a tar nor a cpio archive",
	       "with a wrong one it is none");
}

int main(void)
{
	test_magics();
	test_texts();
	test_tars();
	return done_testing();
}
