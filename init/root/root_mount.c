/* The tmpfs of the new root; see root.h. */
#include "root/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/console.h"
#include "base/memory.h"
#include "root/root_room.h"

#define ROOT_OPTIONS_MAX 512

/* tmpfs allows as many inodes as half the pages of RAM, which a small machine with many small files
 * outgrows; the tree and half as many again shall fit. */
static uint64_t inode_limit(const struct boot *b)
{
	if (b->need.is_estimate)
		return root_room_inodes(b->need.inodes_most);
	/* From Linux 6.6 on, a KiB of extended attributes counts as an inode. */
	return root_room_inodes(b->need.inodes + b->need.xattrs / 1024);
}

/* On several NUMA nodes the root is spread over all, or one node would lose what it takes.
 * Large pages only inside files that are as long: they take no more memory (holes are given back when a file is complete) and make
 * unpacking a little faster, and programs that run from the root. A kernel without them refuses the option. */
static int mount_root(struct boot *b, char options[ROOT_OPTIONS_MAX])
{
	static const char *const huge[] = { ",huge=within_size", "" };
	bool asked = strstr(b->params.mount, "huge=");
	bool spread = !strstr(b->params.mount, "mpol=") && memory_is_on_several_nodes();
	int r = -EINVAL;

	for (size_t i = asked; r == -EINVAL && i < ARRAY_SIZE(huge); i++) {
		snprintf(options, ROOT_OPTIONS_MAX, "mode=0755,size=%llu,nr_inodes=%llu%s%s%s%s",
			 (unsigned long long)b->root_size, (unsigned long long)inode_limit(b),
			 huge[i], spread ? ",mpol=interleave" : "", *b->params.mount ? "," : "",
			 b->params.mount);
		r = mount("tarboot", NEW_ROOT, "tmpfs", 0, options) < 0 ? -errno : 0;
	}
	return r;
}

/* What is mounted, and how large is it, if tarboot.mount= says so? */
static int look_at_it(struct boot *b)
{
	struct statfs fs;

	if (fstatfs(b->new_root_fd, &fs) < 0)
		return 0;
	if (params_mount_has_size(&b->params))
		b->root_size = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
	if (fs.f_type != RAMFS_MAGIC)
		return 0;
	return fail_set(&b->fail, ENODEV, NEW_ROOT,
			"Boot a kernel that has CONFIG_SHMEM=y and CONFIG_TMPFS=y.",
			"this kernel's tmpfs is a ramfs: it has no size, so the root would "
			"take all memory, and no extended attributes");
}

int root_mount(struct boot *b)
{
	char options[ROOT_OPTIONS_MAX];
	int r;

	if (mkdir(NEW_ROOT, 0755) < 0 && errno != EEXIST)
		return fail_errno(&b->fail, errno, NEW_ROOT, "cannot create the directory");
	r = mount_root(b, options);
	if (r < 0)
		return fail_set(&b->fail, -r, NEW_ROOT,
				r == -ENODEV ? "Boot a kernel that has CONFIG_TMPFS=y."
					     : "Look at tarboot.mount= and tarboot.size=.",
				"cannot mount a tmpfs (%s): %s", options, strerror(-r));
	console_log(LOG_DEBUG, "mounted a tmpfs on " NEW_ROOT " (%s)", options);
	b->new_root_fd = open(NEW_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->new_root_fd < 0)
		return fail_errno(&b->fail, errno, NEW_ROOT, "cannot open it");
	return look_at_it(b);
}
