#include "zram/zram_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/util.h"

#define HOT_ADD "/sys/class/zram-control/hot_add"
#define HOT_REMOVE "/sys/class/zram-control/hot_remove"
#define NODE_MAX (ZRAM_NAME_MAX + 8)
#define ATTRIBUTE_MAX 96
#define PRIORITY 100

/* ---- files of /sys ---- */

/* Its text without the newline; "" when there is none. 0 or -errno. */
static int read_text(const char *path, char *ret, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
	int r = n < 0 ? -errno : 0;

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return r;
}

static int write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static void path_of(const char *name, const char *attribute, char ret[ATTRIBUTE_MAX])
{
	snprintf(ret, ATTRIBUTE_MAX, "/sys/block/%s/%s", name, attribute);
}

static void read_attribute(const char *name, const char *attribute, char *ret, size_t size)
{
	char path[ATTRIBUTE_MAX];

	path_of(name, attribute, path);
	(void)read_text(path, ret, size);
}

static int write_attribute(const char *name, const char *attribute, const char *text)
{
	char path[ATTRIBUTE_MAX];

	path_of(name, attribute, path);
	return write_text(path, text);
}

/* ---- the device ---- */

int zram_device_find(char ret_name[ZRAM_NAME_MAX])
{
	char text[ZRAM_NAME_MAX];
	int r;

	strcpy(ret_name, "zram0");
	read_attribute(ret_name, "initstate", text, sizeof(text));
	if (strcmp(text, "0") == 0)
		return 0;
	r = read_text(HOT_ADD, text, sizeof(text));
	if (r == 0)
		snprintf(ret_name, ZRAM_NAME_MAX, "zram%.20s", text);
	return r == -ENOENT ? -ENODEV : r;
}

/* As it was: one that the kernel made for us goes again. */
static void give_back(const char *name)
{
	(void)write_attribute(name, "reset", "1");
	if (strcmp(name, "zram0") != 0)
		(void)write_text(HOT_REMOVE, name + strlen("zram"));
}

int zram_device_choose(const char *name, const char *algorithm)
{
	return write_attribute(name, "comp_algorithm", algorithm);
}

/* "lzo lzo-rle [zstd]" */
void zram_device_algorithm(const char *name, char ret[ZRAM_NAME_MAX])
{
	char text[256], *chosen;

	read_attribute(name, "comp_algorithm", text, sizeof(text));
	chosen = strchr(text, '[');
	snprintf(ret, ZRAM_NAME_MAX, "%.*s", chosen ? (int)strcspn(chosen + 1, "]") : 0,
		 chosen ? chosen + 1 : "");
}

/* Where there is no devtmpfs, the process that makes nodes may not have come to it yet. */
static int open_node(const char *name, char ret_path[NODE_MAX])
{
	char number[32];
	unsigned major, minor;

	snprintf(ret_path, NODE_MAX, "/dev/%s", name);
	read_attribute(name, "dev", number, sizeof(number));
	if (access(ret_path, F_OK) < 0 && sscanf(number, "%u:%u", &major, &minor) == 2)
		(void)mknod(ret_path, S_IFBLK | 0660, makedev(major, minor));
	return open(ret_path, O_RDWR | O_CLOEXEC);
}

/* As mkswap: a page whose end names it (include/linux/swap.h, union swap_header). */
static int write_swap_header(int fd, uint64_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	_cleanup_free_ char *header = calloc(1, page);
	const struct {
		uint32_t version, last_page, n_bad;
	} info = { 1, (uint32_t)min_u64(size / page - 1, UINT32_MAX), 0 };

	if (!header)
		return -ENOMEM;
	memcpy(header + 1024, &info, sizeof(info));
	memcpy(header + page - 10, "SWAPSPACE2", 10);
	return pwrite(fd, header, page, 0) == (ssize_t)page ? 0 : -EIO;
}

static int swap_to(const char *name, uint64_t size)
{
	char text[32], path[NODE_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
	r = write_attribute(name, "disksize", text);
	if (r < 0)
		return r;
	fd = open_node(name, path);
	r = fd < 0 ? -errno : write_swap_header(fd, size);
	if (r < 0)
		return r;
	return swapon(path, SWAP_FLAG_PREFER | PRIORITY) < 0 ? -errno : 0;
}

int zram_device_swap(const char *name, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int r = swap_to(name, (size + page - 1) / page * page);

	if (r < 0)
		give_back(name);
	return r;
}

int zram_device_open_use(const char *name)
{
	char path[ATTRIBUTE_MAX];
	int fd;

	path_of(name, "mm_stat", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* "orig_data_size compr_data_size mem_used_total mem_limit mem_used_max same_pages pages_compacted huge_pages …", the last one since
 * Linux 4.19. */
bool zram_device_use(int fd, struct zram_use *ret)
{
	unsigned long long stored, taken, huge = 0;
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%llu %*u %llu %*u %*u %*u %*u %llu", &stored, &taken, &huge) < 2)
		return false;
	*ret = (struct zram_use){ stored, taken, huge * (uint64_t)sysconf(_SC_PAGESIZE) };
	return true;
}
