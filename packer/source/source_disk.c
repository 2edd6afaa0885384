/*
 * The disk of a virtual machine as a source: libguestfs finds the root in it, mounts what its fstab says, and
 * writes all of it as a tar.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "source/disk_format.h"
#include "source/disk_parts.h"
#include "source/source_kinds.h"
#include "tar/tar_header.h"

/* The first bytes, the caller's, and their number; NULL: it cannot be read. */
static char *read_head(const char *path, size_t *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *head = malloc(DISK_FORMAT_HEAD);
	ssize_t n = head && fd >= 0 ? pread(fd, head, DISK_FORMAT_HEAD, 0) : -1;
	char *found = head;

	if (n < 0)
		return NULL;
	*ret = (size_t)n;
	head = NULL;
	return found;
}

/* The first member of a tar can be a part of a disk, or look like one. */
const char *source_disk_format(const char *path)
{
	size_t n = 0;
	_cleanup_free_ char *head = read_head(path, &n);

	if (!head || tar_header_begins((const uint8_t *)head, n) || disk_format_is_iso(head, n))
		return NULL;
	return disk_format_of(head, n);
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

/* guestfish looks for partition tables where sectors have 512 bytes, unless it is told. */
static bool has_large_sectors(const char *path, const char *format)
{
	size_t n = 0;
	_cleanup_free_ char *head = strcmp(format, "raw") == 0 ? read_head(path, &n) : NULL;

	return head && disk_format_has_large_sectors(head, n);
}

int source_disk_open(const char *path, const char *format, struct source **ret, struct fail *f)
{
	/* Old ones do not know --blocksize; --ro may be said twice. */
	const char *sectors = has_large_sectors(path, format) ? "--blocksize=4096" : "--ro";
	char option[32];
	const char *const argv[] = { "guestfish",   "--ro",      sectors,        option, "-a",
				     path,          "-i",        "tar-out",      "/",    "-",
				     "xattrs:true", "acls:true", "selinux:true", NULL };
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
