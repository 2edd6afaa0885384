/*
 * The last archive of an image: the payload, in one member or in parts.
 */
#pragma once

#include <stdint.h>

#include "base/fail.h"
#include "base/out.h"
#include "tar/cpio.h"

/* Bytes in one newc member, behind which the payload is split and a layer cannot be; a multiple of 4, so that no padding comes between. */
#define IMAGE_PART_MAX (CPIO_FILE_MAX & ~(uint64_t)0xfff)

/* Appends the payload (or a layer), size bytes from the start of the file open at fd, by that name, of fewer than 150 bytes, and the end of the archive. */
int image_write_payload(struct out *image, int fd, const char *name, uint64_t size, struct fail *f);
