/*
 * The kernel that an image is booted with.
 */
#pragma once

#include <sys/stat.h>

#include "base/fail.h"
#include "image/image.h"
#include "kernel/kernel_image.h"

struct image_kernel {
	char *path;       /* owned; NULL = not open */
	int fd;           /* owned */
	struct stat seen; /* before it was read: see unchanged.h */
	struct kernel_image is;
};

/* Opens it: named, or IMAGE.vmlinuz when that is NULL, which must be the one that the image was packed with, where the
 * image says so. It must be a kernel for the image's machine. */
int image_kernel_open(const struct image *image, const char *named, struct image_kernel *ret,
		      struct fail *f);

/* Does nothing for one that was never opened ({0}). */
void image_kernel_close(struct image_kernel *k);

/* Do boot loaders start it? QEMU also takes one that is compressed as a whole. */
int image_kernel_check_loaders(const struct image_kernel *k, struct fail *f);
