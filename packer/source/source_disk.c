/*
 * The disk of a virtual machine as a source: libguestfs finds the root in it, mounts what its fstab says, and
 * writes all of it as a tar.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "source/disk_parts.h"
#include "source/source_kinds.h"

#define HEAD_SIZE 2048

static bool has(const unsigned char *head, size_t at, const char *bytes, size_t n)
{
	return memcmp(head + at, bytes, n) == 0;
}

/* A boot record, whose two magic bytes any file may have: so its four partitions must look like some. */
static bool has_partitions(const unsigned char *head)
{
	bool any = false;

	for (size_t at = 446; at < 510; at += 16) {
		if (head[at] != 0 && head[at] != 0x80)
			return false;
		any = any || head[at + 4] != 0;
	}
	return any && has(head, 510, "\x55\xaa", 2);
}

/* An ext file system on the whole disk: its magic, and blocks of at most 64 KiB. */
static bool is_ext(const unsigned char *head)
{
	return has(head, 1080, "\x53\xef", 2) && head[1048] <= 6 && has(head, 1049, "\0\0", 3);
}

/* Btrfs and XFS on the whole disk. */
static bool is_other_file_system(int fd, const unsigned char *head)
{
	unsigned char magic[8] = { 0 };

	return has(head, 0, "XFSB", 4) ||
	       (pread(fd, magic, sizeof(magic), 0x10040) == sizeof(magic) &&
		has(magic, 0, "_BHRfS_M", 8));
}

const char *source_disk_format(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char head[HEAD_SIZE] = { 0 };

	if (fd < 0 || pread(fd, head, sizeof(head), 0) <= 0)
		return NULL;
	if (has(head, 0, "QFI\xfb", 4))
		return "qcow2";
	if (has(head, 0, "KDMV", 4) || has(head, 0, "# Disk DescriptorFile", 21))
		return "vmdk";
	if (has(head, 64, "\x7f\x10\xda\xbe", 4))
		return "vdi";
	if (has(head, 0, "vhdxfile", 8))
		return "vhdx";
	return has_partitions(head) || is_ext(head) || is_other_file_system(fd, head) ? "raw"
										      : NULL;
}

static bool is_installed(const char *program)
{
	const char *path = getenv("PATH");
	char file[4096];

	for (const char *end; path && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if ((size_t)snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path), path,
				     program) < sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* qemu would open any file that the disk names, with the rights of whoever packs. */
static int check_parts(const char *path, const char *format, struct fail *f)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char head[DISK_PARTS_HEAD] = { 0 };
	char name[DISK_PARTS_NAME_MAX];

	if (fd < 0 || pread(fd, head, sizeof(head), 0) < 0)
		return fail_errno(f, errno, path, "cannot read it");
	if (!disk_parts_elsewhere(format, head, name))
		return 0;
	return fail_set(f, EINVAL, path,
			"If you trust this disk, make one file of it and pack that: qemu-img "
			"convert -O qcow2 DISK NEW.",
			"its header takes content from another file: %s",
			*name ? name : "(the name is not in the header)");
}

int source_disk_open(const char *path, const char *format, struct source **ret, struct fail *f)
{
	char option[32];
	const char *const argv[] = { "guestfish", "--ro",         option, "-a", path,
				     "-i",        "tar-out",      "/",    "-",  "xattrs:true",
				     "acls:true", "selinux:true", NULL };
	int r = check_parts(path, format, f);

	if (r < 0)
		return r;
	if (!is_installed(argv[0]))
		return fail_set(
			f, ENOENT, path,
			"Install it (Debian: libguestfs-tools), or give a tar archive of the root.",
			"it is a disk image (%s), and guestfish, which reads those, is not "
			"installed",
			format);
	snprintf(option, sizeof(option), "--format=%s", format);
	return source_command_open(argv, path, ret, f);
}
