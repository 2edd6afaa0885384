/* One table of mounts; systemd keeps what it finds, so the options are those it would use itself. */
#include "mounts/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/console.h"

static const struct api_mount {
	const char *target;
	const char *type;
	unsigned long flags;
	const char *options;
	const char *config;  /* kernel option without which it cannot be mounted */
	bool is_inside;      /* another of these moves it along */
	const char *instead; /* type for a kernel that does not have this one */
} api_mounts[] = {
	{ "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL, "CONFIG_PROC_FS", false, NULL },
	{ "/sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL, "CONFIG_SYSFS", false, NULL },
	{ "/dev", "devtmpfs", MS_NOSUID | MS_STRICTATIME, "mode=0755", "CONFIG_DEVTMPFS", false,
	  "tmpfs" },
	{ "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666",
	  "CONFIG_UNIX98_PTYS", true, NULL },
	{ "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=1777", "CONFIG_TMPFS",
	  true, NULL },
	{ "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME,
	  "mode=0755,size=20%,nr_inodes=800k", "CONFIG_TMPFS", false, NULL },
};

static size_t n_moved; /* so many of them, from the first, are in the new root */

/* A kernel with CONFIG_SHMEM but not CONFIG_TMPFS knows the name and refuses all options. */
static int fail_mount(struct boot *b, const struct api_mount *m, int error)
{
	bool is_missing = error == ENODEV || error == EINVAL;
	char todo[128];

	snprintf(todo, sizeof(todo), "Boot a kernel that has %s=y.", m->config);
	return fail_set(&b->fail, error, m->target, is_missing ? todo : NULL,
			"cannot mount %s there: %s", m->type, strerror(error));
}

/* A kernel without devtmpfs: the nodes that programs expect from the first moment on; init/devices/devices.c makes
 * the others. */
static void make_usual_nodes(void)
{
	static const struct {
		const char *path;
		mode_t mode;
		unsigned major, minor;
	} nodes[] = {
		{ "/dev/console", 0600, 5, 1 }, { "/dev/null", 0666, 1, 3 },
		{ "/dev/zero", 0666, 1, 5 },    { "/dev/full", 0666, 1, 7 },
		{ "/dev/random", 0666, 1, 8 },  { "/dev/urandom", 0666, 1, 9 },
		{ "/dev/kmsg", 0644, 1, 11 },   { "/dev/tty", 0666, 5, 0 },
		{ "/dev/ptmx", 0666, 5, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		(void)mknod(nodes[i].path, S_IFCHR | nodes[i].mode,
			    makedev(nodes[i].major, nodes[i].minor));
}

static int mount_one(struct boot *b, const struct api_mount *m)
{
	int r = mount(m->type, m->target, m->type, m->flags, m->options) < 0 ? -errno : 0;

	if (r == -ENODEV && m->instead) {
		b->make_nodes = true;
		r = mount(m->instead, m->target, m->instead, m->flags, m->options) < 0 ? -errno : 0;
		if (r == 0)
			make_usual_nodes();
	}
	return r;
}

/* systemd listens to udev only where /dev is a devtmpfs or udev's socket is there already, which takes this file's
 * place. Without it every unit of a device, and with it the login on a serial line, would wait in vain. */
static void announce_udev(void)
{
	int fd;

	(void)mkdir("/run/udev", 0755);
	fd = open("/run/udev/control", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

/* EBUSY: somebody, perhaps the kernel, was here before; that mount is as good. */
int mounts_make(struct boot *b)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(api_mounts); i++) {
		const struct api_mount *m = &api_mounts[i];

		if (mkdir(m->target, 0755) < 0 && errno != EEXIST)
			return fail_errno(&b->fail, errno, m->target,
					  "cannot create the directory");
		r = mount_one(b, m);
		if (r < 0 && r != -EBUSY)
			return fail_mount(b, m, -r);
		if (strcmp(m->target, "/dev") == 0)
			console_open();
		if (strcmp(m->target, "/run") == 0)
			console_open_log();
		console_log(LOG_DEBUG, "mounted %s on %s (%s)", m->type, m->target,
			    m->options ? m->options : "");
	}
	if (b->make_nodes) {
		announce_udev();
		console_log(LOG_WARNING, "this kernel has no devtmpfs (CONFIG_DEVTMPFS): /dev is a "
					 "tmpfs, and systemd's udev will make no nodes there");
	}
	return 0;
}

/* A link or file of that name in the new root would send the mount elsewhere. */
static int check_target(struct boot *b, const char *name)
{
	struct stat st;

	if (mkdirat(b->new_root_fd, name, 0755) < 0 && errno != EEXIST)
		return fail_errno(&b->fail, errno, name,
				  "cannot create this directory in the root");
	if (fstatat(b->new_root_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(&b->fail, errno, name, "cannot access it in the root");
	if (!S_ISDIR(st.st_mode))
		return fail_set(
			&b->fail, ENOTDIR, name,
			"Make it a directory in the root and pack it again.",
			"it is not a directory in the root, so the mount cannot be moved there");
	return 0;
}

/* Moves a mount to the new root, or from there back. */
static int move_one(const struct api_mount *m, bool back)
{
	char there[64];

	snprintf(there, sizeof(there), NEW_ROOT "%s", m->target);
	return mount(back ? there : m->target, back ? m->target : there, NULL, MS_MOVE, NULL) < 0
		       ? -errno
		       : 0;
}

int mounts_move(struct boot *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(api_mounts); i++)
		if (!api_mounts[i].is_inside)
			r = check_target(b, api_mounts[i].target + 1);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(api_mounts); i++) {
		if (!api_mounts[i].is_inside)
			r = move_one(&api_mounts[i], false);
		if (r < 0)
			return fail_errno(&b->fail, r, api_mounts[i].target,
					  "cannot move the mount to the new root");
		n_moved = i + 1;
	}
	return r;
}

void mounts_move_back(void)
{
	while (n_moved > 0)
		if (!api_mounts[--n_moved].is_inside)
			(void)move_one(&api_mounts[n_moved], true);
}
