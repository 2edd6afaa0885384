/*
 * The unpack engine as a command runs it: with a progress line while it works.
 */
#pragma once

#include "image.h"
#include "unpack.h"

/* Runs unpack_run on the image's payload. root_fd as there; threads 0 = all CPUs. */
int engine_run(const struct image *image, int root_fd, unsigned threads, const char *doing,
	       struct unpack_result *ret, struct fail *f);
