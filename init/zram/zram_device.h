/*
 * A zram device of the kernel, which keeps what is written to it compressed in RAM, used as swap. By /sys/block/zramN
 * (Documentation/admin-guide/blockdev/zram.rst).
 */
#pragma once

#include "base/boot.h"

/* Finds a device that nobody uses, or has the kernel make one (Linux 4.2). 0 or -errno; -ENODEV: this kernel has no zram. */
int zram_device_find(char ret_name[ZRAM_NAME_MAX]);

/* Chooses its compressor, which must be in the kernel. 0, or -errno: -EINVAL when there is none of that name. */
int zram_device_choose(const char *name, const char *algorithm);

/* The compressor that is chosen; "" when it cannot be told. */
void zram_device_algorithm(const char *name, char ret[ZRAM_NAME_MAX]);

/* Gives it so many bytes and swaps to it, before any other swap. 0 or -errno: then it is free again. */
int zram_device_swap(const char *name, uint64_t size);

/* Its numbers, which zram_device_use() reads; to be opened while there is a /sys. -errno when there are none (before
 * Linux 4.1). */
int zram_device_open_use(const char *name);
bool zram_device_use(int fd, struct zram_use *ret);
