#include "root/initramfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/util.h"

#define TODO_MAX 256
/* Of klogctl(), as syslog(2) names them. */
#define SYSLOG_ACTION_READ_ALL 3
#define SYSLOG_ACTION_SIZE_BUFFER 10

/* All zeros when it is a ramfs, which has no limit. */
struct rootfs {
	uint64_t limit; /* bytes */
	bool is_full;
};

static struct rootfs look_at_rootfs(void)
{
	struct rootfs r = { 0 };
	struct statfs s;

	if (statfs("/", &s) == 0 && s.f_blocks > 0) {
		r.limit = (uint64_t)s.f_blocks * (uint64_t)s.f_bsize;
		r.is_full = (uint64_t)s.f_bfree * (uint64_t)s.f_bsize < (1 << 20);
	}
	return r;
}

bool initramfs_is_full(void)
{
	return look_at_rootfs().is_full;
}

/* Newer kernels give a file its full size before they run out of room for its content, so its blocks must be counted. A
 * ramfs counts none. */
static uint64_t bytes_present(int fd, uint64_t size)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC || fstat(fd, &st) < 0)
		return size;
	return min_u64((uint64_t)st.st_blocks * 512, size);
}

uint64_t initramfs_present(const struct payload *p)
{
	uint64_t present = 0;

	for (size_t i = 0; i < p->n_parts; i++)
		present += bytes_present(p->parts[i].fd, p->parts[i].size);
	return present;
}

/* The kernel's log up to now, the caller's; NULL: it has none, or there is no memory. Each line gets its level and time when it is
 * read, and what then has no room is not the end but the beginning: hence twice the size. */
static char *read_kernel_log(void)
{
	int size = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0);
	char *log;

	size = size < INT_MAX / 2 ? 2 * size : INT_MAX - 1;
	log = size > 0 ? malloc((size_t)size + 1) : NULL;
	if (!log)
		return NULL;
	size = klogctl(SYSLOG_ACTION_READ_ALL, log, size);
	log[size > 0 ? size : 0] = '\0';
	return log;
}

/* The second: where it has ramdisks built in (init/initramfs.c before Linux 7). */
bool initramfs_is_cut(void)
{
	_cleanup_free_ char *log = read_kernel_log();

	return log && (strstr(log, "Initramfs unpacking failed: write error") ||
		       strstr(log, "rootfs image is not initramfs (write error)"));
}

static const char *what_to_do(char todo[TODO_MAX])
{
	char ram[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX];
	struct memory m = { 0 };

	(void)memory_read(&m);
	snprintf(todo, TODO_MAX,
		 "The machine has %s of memory, of which the kernel lets the initramfs take %s: "
		 "add memory, or, with Linux 6.1.176, 6.12.107 or later, the kernel parameter "
		 "initramfs_options=size=90%%.",
		 size_format(ram, m.total), size_format(most, look_at_rootfs().limit));
	return todo;
}

int initramfs_fail_no_room(const char *name, uint64_t present, uint64_t expected, struct fail *f)
{
	char have[SIZE_TEXT_MAX], want[SIZE_TEXT_MAX], todo[TODO_MAX];

	return fail_set(f, ENOSPC, name, what_to_do(todo),
			"the kernel had no room to unpack it: %s of %s are here",
			size_format(have, present), size_format(want, expected));
}

int initramfs_fail_cut(struct fail *f)
{
	return fail_set(f, ENOSPC, "the initramfs",
			"Add memory, load fewer initrds, or, with Linux 6.1.176, 6.12.107 or "
			"later, use the kernel parameter initramfs_options=size=90%. To boot with "
			"the layers that are here, forget what the kernel said: `dmesg -c` in the "
			"shell (tarboot.shell=fail), then `exit`.",
			"the kernel had no room to unpack all of it: layers may be missing");
}

int initramfs_fail_if_cut(const char *path, struct fail *f)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool is_missing = fd < 0 && errno == ENOENT;
	char todo[TODO_MAX];
	uint64_t present;
	struct stat st;

	if ((fd < 0 && !is_missing) || !initramfs_is_cut())
		return 0;
	if (is_missing)
		return fail_set(f, ENOSPC, path, what_to_do(todo),
				"the kernel had no room to unpack all of the initramfs: this file "
				"is missing");
	if (fstat(fd, &st) < 0)
		return 0;
	present = bytes_present(fd, (uint64_t)st.st_size);
	return present < (uint64_t)st.st_size
		       ? initramfs_fail_no_room(path, present, (uint64_t)st.st_size, f)
		       : 0;
}
