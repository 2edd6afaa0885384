/*
 * How much memory the machine has, and how much this process took.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory {
	uint64_t total;     /* bytes of RAM */
	uint64_t available; /* bytes that can be used without swapping, as the kernel estimates */
	/* Of these, at most, are in inodes and names: those of a tmpfs never come back. */
	uint64_t slab;
	uint64_t swappable; /* bytes of a tmpfs or of processes that may be swapped */
	uint64_t swap_free; /* bytes that swap has room for */
};

/* Reads /proc/meminfo. 0 or -errno. */
int memory_read(struct memory *ret);

/* The same, of a /proc/meminfo that is open at fd: for those who have no /proc, and often. */
int memory_read_from(int fd, struct memory *ret);

/* One part in so many of what is available, in bytes; SIZE_MAX where there is no /proc to tell, for then there is no limit. */
size_t memory_share(unsigned parts);

/* Pure: the text of it, NUL-terminated. 0, or -EINVAL when it is none. */
int memory_parse(const char *text, struct memory *ret);

/* Does the memory belong to several NUMA nodes? */
bool memory_is_on_several_nodes(void);

/* Bytes that are this process's alone, of its /proc/self/statm that is open at fd; 0 when it cannot be told. */
uint64_t memory_own_from(int fd);

/* The most memory that was resident in this process, in bytes; 0 when it cannot be told. */
uint64_t memory_own_peak(void);

/* From now on this process gets no more address space than that, in bytes: what asks for more gets ENOMEM. A lower
 * limit that is there stays, and a sanitizer's build, whose shadow needs terabytes, gets none: false. */
bool memory_limit_own(uint64_t bytes);
