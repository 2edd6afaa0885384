/* /proc/meminfo and /proc/self/status. */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

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

/* Kernels without CONFIG_MOVABLE_NODE, up to 4.12, have only the second file. */
bool memory_is_on_several_nodes(void)
{
	static const char *const paths[] = { "/sys/devices/system/node/has_memory",
					     "/sys/devices/system/node/has_normal_memory" };
	char list[64] = ""; /* "0-1,3": its first bytes are enough */
	FILE *file = NULL;

	for (size_t i = 0; !file && i < ARRAY_SIZE(paths); i++)
		file = fopen(paths[i], "re");
	if (file && !fgets(list, sizeof(list), file))
		*list = '\0';
	if (file)
		fclose(file);
	return strpbrk(list, ",-");
}

/* Not ru_maxrss, which remembers the program that called exec. */
uint64_t memory_own_peak(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %llu kB", &kib) == 1)
			break;
	fclose(file);
	return (uint64_t)kib * 1024;
}
