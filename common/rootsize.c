/* Memory weighed against what the root needs. */
#include "rootsize.h"

#include <errno.h>
#include <stdio.h>

#define INODE_BYTES 1024      /* a tmpfs inode with its directory entry, in kernel memory */
#define RESERVE (24ULL << 20) /* for the kernel and the first steps of the new init */

/* Beside the engine. */
static uint64_t needed_without_engine(const struct rootsize_need *need)
{
	return need->tree + need->inodes * INODE_BYTES + RESERVE;
}

uint64_t rootsize_needed(const struct rootsize_need *need)
{
	return needed_without_engine(need) + need->engine;
}

uint64_t rootsize_left(const struct memory *m, const struct rootsize_need *need)
{
	uint64_t available = m->available + need->given_back;
	uint64_t needed = needed_without_engine(need);

	return available > needed ? available - needed : 0;
}

static int fail_machine(uint64_t needed, uint64_t available, const struct rootsize_need *need,
			struct fail *f)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], inodes[48] = "";

	if (need->inodes)
		snprintf(inodes, sizeof(inodes), " and %llu inodes",
			 (unsigned long long)need->inodes);
	return fail_set(f, ENOSPC, "memory", "Add memory, or pack a smaller root.",
			"the root needs %s%s, this machine has %s free", size_format(a, needed),
			inodes, size_format(b, available));
}

int rootsize_choose(const struct memory *m, const struct rootsize_need *need, struct size asked,
		    uint64_t *ret, struct fail *f)
{
	uint64_t available = m->available + need->given_back, size;
	uint64_t needed = rootsize_needed(need);
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	if (asked.kind == SIZE_BYTES)
		size = asked.value;
	else if (asked.kind == SIZE_PERCENT)
		size = m->total / 100 * asked.value;
	else
		size = need->tree + (available > needed ? (available - needed) / 2 : 0);
	if (need->tree > size)
		return fail_set(f, ENOSPC, "kernel parameter tarboot.size",
				"Give a larger tarboot.size=, or leave it out.",
				"the root needs %s, tarboot.size allows %s",
				size_format(a, need->tree), size_format(b, size));
	if (needed > available)
		return fail_machine(needed, available, need, f);
	*ret = size;
	return 0;
}
