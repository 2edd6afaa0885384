/*
 * The kernel that an image is booted with.
 */
#pragma once

#include "base/fail.h"
#include "image/image.h"

/* Finds it: named, or IMAGE.vmlinuz when that is NULL, which must be the one that the image was packed with, where the
 * image says so. It must be a kernel for the image's machine. *ret_path is the
 * caller's to free. */
int image_kernel_find(const struct image *image, const char *named, char **ret_path,
		      struct fail *f);

/* Do boot loaders start it? QEMU also takes one that is compressed as a whole. */
int image_kernel_check_loaders(const char *path, struct fail *f);
