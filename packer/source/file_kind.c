/* Magic numbers as file(1) has them. */
#include "source/file_kind.h"

#include <stdbool.h>
#include <string.h>

#include "source/disk_format.h"
#include "tar/cpio.h"
#include "image/manifest.h"
#include "tar/tar_header.h"
#include "base/util.h"

#define TODO_CPIO \
	"Make it again with cpio -o -H newc, or unpack it with cpio -id and pack the directory."
#define TODO_ROOT "Give a root: a directory, a tar or cpio archive, a disk or a container image."
#define TODO_PACKAGE "Give the root that it is installed in."

static const struct {
	size_t at;
	const char *bytes;
	size_t n;
	struct file_kind kind;
} magics[] = {
	{ 0,
	  "hsqs",
	  4,
	  { "a squashfs image", "Unpack it with unsquashfs and pack the directory.", true } },
	{ 1024,
	  "\xe2\xe1\xf5\xe0",
	  4,
	  { "an erofs image", "Mount it and pack the directory where it is mounted.", true } },
	{ 0,
	  "LUKS\xba\xbe",
	  6,
	  { "an encrypted disk (LUKS)",
	    "Open it with cryptsetup and pack what can be mounted then.", true } },
	{ 0, "\xc7\x71", 2, { "a cpio archive in the old binary format", TODO_CPIO, true } },
	{ 0, "\x71\xc7", 2, { "a cpio archive in the old binary format", TODO_CPIO, true } },
	{ 0, "PK\3\4", 4, { "a zip archive", "Unpack it and pack what is in it.", true } },
	{ 0,
	  "7z\xbc\xaf\x27\x1c",
	  6,
	  { "a 7z archive", "Unpack it and pack what is in it.", true } },
	{ 0, "Rar!", 4, { "a rar archive", "Unpack it and pack what is in it.", true } },
	{ 0, "!<arch>\n", 8, { "an ar archive, as a .deb is", TODO_PACKAGE, true } },
	{ 0, "\xed\xab\xee\xdb", 4, { "an rpm package", TODO_PACKAGE, true } },
	{ 32,
	  "SIF_MAGIC",
	  9,
	  { "a Singularity image",
	    "Give sif:FILE, which skopeo reads, or unpack it with `apptainer build --sandbox DIR "
	    "FILE` as root and pack DIR.",
	    true } },
	{ 0,
	  "VMA\0",
	  4,
	  { "a backup of Proxmox",
	    "Extract it with `vma extract FILE DIR`, and pack the disk in DIR.", true } },
	{ 0,
	  "btrfs-stream",
	  13,
	  { "a stream of btrfs send", "Receive it with btrfs receive, and pack the subvolume.",
	    true } },
	{ 0,
	  "partclone-image",
	  15,
	  { "an image of partclone (Clonezilla)",
	    "Restore it with partclone.restore, mount it and pack that directory.", true } },
	{ 0, "\x7f\x45LF", 4, { "a program", TODO_ROOT, true } },
	{ 0, "MZ", 2, { "a program for UEFI or Windows", TODO_ROOT, true } },
	{ 514, "HdrS", 4, { "a Linux kernel", TODO_ROOT, true } },
};

static const struct file_kind own_image = {
	"an image of tarboot pack",
	"Give the root that it was packed from, or what `tarboot unpack` makes of it.",
	true,
};
static const struct file_kind iso = {
	"an ISO image",
	"Mount it, and pack the root in it: a squashfs file there is unpacked with unsquashfs.",
	true,
};
static const struct file_kind disk = {
	"the disk of a virtual machine",
	"Give it as a file, not on standard input, and decompress it first.",
	true,
};
static const struct file_kind text = { "a text", TODO_ROOT, true };
static const struct file_kind unknown = { "neither a tar nor a cpio archive", TODO_ROOT, false };

/* It has only its end. */
static bool is_empty_tar(const char *head, size_t size)
{
	return size >= TAR_BLOCK && is_zero(head, TAR_BLOCK);
}

static bool is_text(const char *head, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)head[i] < ' ' && !strchr("\t\n\r\f\33", head[i]))
			return false;
	return !memchr(head, '\0', size);
}

bool file_kind_is_image(const char *head, size_t size)
{
	return size >= CPIO_MAGIC_SIZE && cpio_format_of(head) &&
	       memmem(head, size, MANIFEST_MEMBER, strlen(MANIFEST_MEMBER));
}

const struct file_kind *file_kind_of(const char *head, size_t size)
{
	size = size < FILE_KIND_HEAD ? size : FILE_KIND_HEAD;
	if (tar_header_begins((const uint8_t *)head, size))
		return NULL;
	if (file_kind_is_image(head, size))
		return &own_image;
	if (size >= CPIO_MAGIC_SIZE && cpio_format_of(head))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (has_bytes(head, size, magics[i].at, magics[i].bytes, magics[i].n))
			return &magics[i].kind;
	if (disk_format_is_iso(head, size))
		return &iso;
	if (disk_format_of(head, size))
		return &disk;
	if (is_empty_tar(head, size))
		return NULL;
	return is_text(head, size) ? &text : &unknown;
}
