/*
 * Files that make the new root this machine's: etc/hostname, and etc/machine-id if that is asked for. Files, because every system
 * reads them, and systemd takes the one before what the kernel command line says. See root.h.
 */
#include "root/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/console.h"
#include "base/inroot.h"
#include "net/network.h"
#include "root/firmware.h"

/* An empty file counts for none. */
static bool is_there(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !(S_ISREG(st.st_mode) && st.st_size == 0);
}

static int write_line(int dir_fd, const char *name, mode_t mode, const char *text)
{
	_cleanup_close_ int fd = -1;

	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 || dprintf(fd, "%s\n", text) < 0 ? -errno : 0;
}

/* In the directory that holds it, which keeps its time. 1: it is there, and stays. */
static int put(int dir_fd, const char *name, mode_t mode, const char *text, bool replace)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;
	int r;

	if (!replace && is_there(dir_fd, name))
		return 1;
	if (fstat(dir_fd, &st) < 0)
		return -errno;
	r = write_line(dir_fd, name, mode, text);
	times[1] = st.st_mtim;
	(void)utimensat(dir_fd, ".", times, 0);
	return r;
}

/* Returns true when it was written. */
static bool write_file(const struct boot *b, const char *path, mode_t mode, const char *text,
		       bool replace)
{
	_cleanup_close_ int dir_fd = -1;
	char name[NAME_MAX + 1];
	int r = inroot_open_parent(b->new_root_fd, path, NULL, NULL, &dir_fd, name, NULL);

	if (r == 0)
		r = put(dir_fd, name, mode, text, replace);
	if (r < 0)
		console_log(LOG_WARNING, "cannot write /%s of the root: %s", path, strerror(-r));
	return r == 0;
}

static bool write_machine_id(const struct boot *b)
{
	char uuid[FIRMWARE_TEXT_MAX], id[MACHINE_ID_MAX];

	if (!b->params.firmware_id)
		return false;
	firmware_read("product_uuid", uuid);
	if (firmware_machine_id(uuid, id))
		return write_file(b, "etc/machine-id", 0444, id, true);
	console_log(
		LOG_WARNING,
		"tarboot.machine-id=firmware: this machine's firmware has no UUID of its own%s%s",
		*uuid ? ", but " : "", uuid);
	return false;
}

int root_name(struct boot *b)
{
	const char *name = network_hostname(b);
	bool is_named = *name && write_file(b, "etc/hostname", 0644, name, false);
	bool has_id = write_machine_id(b);

	b->has_nothing_to_do = !is_named && !has_id;
	snprintf(b->detail, sizeof(b->detail), "%s%s%s", is_named ? name : "",
		 is_named && has_id ? ", " : "", has_id ? "machine-id of the firmware" : "");
	return 0;
}
