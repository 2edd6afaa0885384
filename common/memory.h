/*
 * How much memory the machine has, and how much this process took.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct memory {
	uint64_t total;     /* bytes of RAM */
	uint64_t available; /* bytes that can be used without swapping, as the kernel estimates */
};

/* Reads /proc/meminfo. 0 or -errno. */
int memory_read(struct memory *ret);

/* Does the memory belong to several NUMA nodes? */
bool memory_is_on_several_nodes(void);

/* The most memory that was resident in this process, in bytes; 0 when it cannot be told. */
uint64_t memory_own_peak(void);
