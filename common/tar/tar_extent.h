/* A piece of a sparse file. */
#pragma once

#include <stdint.h>

/* Data of a file; what no extent covers is a hole. */
struct tar_extent {
	uint64_t offset, size; /* bytes */
};
