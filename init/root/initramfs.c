#include "root/initramfs.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/memory.h"
#include "base/size.h"

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
uint64_t initramfs_present(const struct payload *p)
{
	uint64_t present = 0, blocks;
	struct statfs fs;
	struct stat st;

	for (size_t i = 0; i < p->n_parts; i++) {
		blocks = p->parts[i].size;
		if (fstatfs(p->parts[i].fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
		    fstat(p->parts[i].fd, &st) == 0)
			blocks = (uint64_t)st.st_blocks * 512;
		present += blocks < p->parts[i].size ? blocks : p->parts[i].size;
	}
	return present;
}

int initramfs_fail_no_room(const char *name, uint64_t present, uint64_t expected, struct fail *f)
{
	char have[SIZE_TEXT_MAX], want[SIZE_TEXT_MAX], ram[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX];
	struct memory m = { 0 };
	char todo[256];

	(void)memory_read(&m);
	snprintf(todo, sizeof(todo),
		 "The machine has %s of memory, of which the kernel lets the initramfs take %s: "
		 "add memory, or, with Linux 6.1.176, 6.12.107 or later, the kernel parameter "
		 "initramfs_options=size=90%%.",
		 size_format(ram, m.total), size_format(most, look_at_rootfs().limit));
	return fail_set(f, ENOSPC, name, todo,
			"the kernel had no room to unpack it: %s of %s are here",
			size_format(have, present), size_format(want, expected));
}
