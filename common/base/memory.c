/* /proc/meminfo and /proc/self/status. */
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/util.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0
#endif

/* Bytes of the line that begins with key. */
static bool find_bytes(const char *text, const char *key, uint64_t *ret)
{
	const char *line = strstr(text, key);

	*ret = line ? strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
	return line;
}

int memory_parse(const char *text, struct memory *ret)
{
	uint64_t total, available, free, slab, active, inactive, swap_free;

	if (!find_bytes(text, "MemTotal:", &total))
		return -EINVAL;
	find_bytes(text, "SReclaimable:", &slab);
	if (!find_bytes(text, "MemAvailable:", &available)) { /* before Linux 3.14 */
		find_bytes(text, "MemFree:", &free);
		available = free + slab;
	}
	find_bytes(text, "Active(anon):", &active);
	find_bytes(text, "Inactive(anon):", &inactive);
	find_bytes(text, "SwapFree:", &swap_free);
	*ret = (struct memory){ total, available, slab, active + inactive, swap_free };
	return 0;
}

int memory_read_from(int fd, struct memory *ret)
{
	char text[8192];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return memory_parse(text, ret);
}

int memory_read(struct memory *ret)
{
	_cleanup_close_ int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : memory_read_from(fd, ret);
}

size_t memory_share(unsigned parts)
{
	struct memory m;

	return memory_read(&m) == 0 ? (size_t)(m.available / parts) : SIZE_MAX;
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

uint64_t memory_own_from(int fd)
{
	unsigned long long pages, resident, shared;
	char text[128];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%llu %llu %llu", &pages, &resident, &shared) != 3 || shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool memory_limit_own(uint64_t bytes)
{
	struct rlimit limit;

	if (HAS_SHADOW || getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur <= bytes)
		return false;
	limit.rlim_cur = bytes;
	return setrlimit(RLIMIT_AS, &limit) == 0;
}
