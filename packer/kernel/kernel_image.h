/*
 * What a file says about the kernel that is in it: whether it is one, for which machine, of which release. The forms
 * are those that boot loaders take: x86's bzImage, arm64's Image, EFI's compressed one (zboot), each of them
 * compressed as a whole, too, and vmlinux.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/fail.h"

struct kernel_image {
	uint16_t machine;   /* of ELF; 0 = it does not say */
	char release[64];   /* as `uname -r` will print it; "" = it does not say */
	bool is_compressed; /* as a whole, as neither UEFI firmware nor iPXE takes it */
	/* Of the bytes that are published: of the file, or of the kernel in one that is compressed as a whole. */
	struct digest digest;
};

struct span {
	const char *data;
	size_t size; /* bytes */
};

/* Reads what stands in it uncompressed. False: it is no kernel, or one that is compressed as a whole. Pure. */
bool kernel_image_parse(struct span file, struct kernel_image *ret);

/* The compressed kernel inside a kernel, or all of the file when it has no such part. Pure. */
struct span kernel_image_compressed(struct span file);

/* Reads a file that is open at fd, from its start; compressed parts are unpacked when the rest does not say all.
 * path is for messages. -ENOEXEC: it is no kernel. */
int kernel_image_read(int fd, const char *path, struct kernel_image *ret, struct fail *f);

/* Reads it once more, as boot loaders take it: what is compressed as a whole is unpacked. is: what kernel_image_read() said. *ret is the
 * caller's. -EBUSY: it has other bytes now. */
int kernel_image_load(int fd, const char *path, const struct kernel_image *is, char **ret,
		      size_t *ret_size, struct fail *f);

/* Which of two releases is newer: <0, 0, >0 as strcmp has it. 6.10-rc3 is older than 6.10, 6.9 older than 6.10. */
int kernel_release_compare(const char *a, const char *b);
