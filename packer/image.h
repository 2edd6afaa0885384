/*
 * An image read back: its members, manifest and payload. A bare .tar.xz counts as an image without
 * boot part, so that every subcommand that reads takes either.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"
#include "manifest.h"
#include "payload.h"

struct image_member {
	char *name; /* owned; without leading "/" or "./" */
	uint32_t mode;
	uint64_t offset, size; /* of its data in the image */
};

struct image {
	const char *path;
	uint64_t size;
	struct image_member *members; /* owned */
	size_t n_members;
	struct manifest manifest;
	bool has_manifest;
	struct payload payload;
};

/* path "-": standard input, which is read to its end first when it is a pipe. */
int image_open(const char *path, struct image *ret, struct fail *f);
void image_close(struct image *image);

/* The ELF machine that its /init is for; 0 = there is none. */
uint16_t image_machine(const struct image *image);

/* The modules.dep of the kernel modules in the boot part; "" when there is none. *ret is the caller's. */
int image_read_module_index(const struct image *image, char **ret, struct fail *f);
