/* Memory: read, weighed against what the root needs. */
#include "memory.h"

#include <errno.h>
#include <stdio.h>

#define INODE_BYTES 1024      /* a tmpfs inode with its directory entry, in kernel memory */
#define RESERVE (24ULL << 20) /* for the kernel and the first steps of the new init */

int memory_read(struct memory *ret)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib, total = 0, available = 0, free = 0, cached = 0;
	char line[128];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemTotal: %llu kB", &kib) == 1)
			total = kib;
		else if (sscanf(line, "MemFree: %llu kB", &kib) == 1)
			free = kib;
		else if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			available = kib;
		else if (sscanf(line, "SReclaimable: %llu kB", &kib) == 1)
			cached = kib;
	}
	fclose(file);
	if (!total)
		return -EINVAL;
	if (!available)
		available = free + cached; /* before Linux 3.14 */
	*ret = (struct memory){ (uint64_t)total * 1024, (uint64_t)available * 1024 };
	return 0;
}

static int fail_machine(uint64_t needed, uint64_t available, const struct memory_need *need,
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

int memory_choose_size(const struct memory *m, const struct memory_need *need, struct size asked,
		       uint64_t *ret, struct fail *f)
{
	uint64_t available = m->available + need->given_back, size;
	uint64_t needed = need->tree + need->inodes * INODE_BYTES + need->engine + RESERVE;
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
