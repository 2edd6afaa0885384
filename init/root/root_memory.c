/* Is there enough memory, and how large may the root become? See root.h. */
#include "root/root.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#include "base/console.h"
#include "base/memory.h"

/* On a ramfs, which root= and rootfstype= make of the initramfs, nothing can be given back. */
static bool can_give_back(struct boot *b)
{
	struct statfs s;
	bool is_tmpfs = fstatfs(b->payload.parts[0].fd, &s) == 0 && s.f_type == TMPFS_MAGIC;

	if (!is_tmpfs)
		console_log(LOG_NOTICE, "the initramfs is a ramfs, so the archive stays in memory "
					"while it is unpacked: boot without root= and rootfstype=");
	return is_tmpfs && !b->keep_payload;
}

/* The limit that tarboot.mount= sets, in the kernel's notation; 0 = none. */
static uint64_t asked_inodes(const char *options)
{
	static const char key[] = "nr_inodes=";
	uint64_t limit = 0;
	char *end;

	while ((options = strstr(options, key))) {
		options += sizeof(key) - 1;
		limit = strtoull(options, &end, 0);
		if (*end == 'k' || *end == 'K')
			limit <<= 10;
		else if (*end == 'm' || *end == 'M')
			limit <<= 20;
	}
	return limit;
}

static int check_inodes(struct boot *b)
{
	uint64_t limit = asked_inodes(b->params.mount);

	if (limit == 0 || limit >= b->need.inodes)
		return 0;
	return fail_set(&b->fail, ENOSPC, "kernel parameter tarboot.mount",
			"Give a larger nr_inodes=, or leave it out.",
			"the root needs %llu inodes, but nr_inodes=%llu allows fewer",
			(unsigned long long)b->need.inodes, (unsigned long long)limit);
}

int root_check_memory(struct boot *b)
{
	char size[SIZE_TEXT_MAX], available[SIZE_TEXT_MAX];
	struct memory m;
	int r = memory_read(&m);

	if (r < 0)
		return fail_errno(&b->fail, r, "/proc/meminfo", "cannot read it");
	if (b->arrives)
		b->need.given_back = 0; /* nothing is here yet */
	else if (can_give_back(b))
		b->need.given_back = b->payload.size;
	else
		b->keep_payload = true;
	engine_plan(&b->blocks, b->params.threads,
		    min_u64(rootsize_left(&m, &b->need), m.available / 4), &b->plan);
	b->need.engine = b->plan.memory;
	r = rootsize_choose(&m, &b->need, b->params.size, &b->root_size, &b->fail);
	if (r == 0)
		r = check_inodes(b);
	snprintf(b->detail, sizeof(b->detail), "root of %s%s, %s available",
		 b->need.is_estimate ? "at most " : "", size_format(size, b->root_size),
		 size_format(available, m.available));
	return r;
}
