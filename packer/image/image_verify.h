/*
 * An image held against its own manifest: the digests of its boot part and its payload, and its numbers.
 */
#pragma once

#include "image/image.h"
#include "image/treesize.h"

/* Why there is nothing to hold the image against; NULL: there is. */
const char *image_verify_lacks(const struct image *image);

/* A published image may be two files: the one with the manifest and the payload has no boot part. */
bool image_verify_has_boot_part(const struct image *image);

/* How many cpio archives of the image hold neither boot part nor payload: the manifest says nothing of them. */
size_t image_verify_others(const struct image *image);

/* Has it the /init that a kernel starts? -ENOEXEC. */
int image_verify_has_init(const struct image *image, struct fail *f);

/* Checks all bytes that have a digest, and those around them that can have one value only. Anything that is
 * not as the manifest says is -EBADMSG and named in *f. 0 without a manifest that has digests. */
int image_verify_bytes(const struct image *image, struct fail *f);

/* Checks the manifest's numbers against those of the members. Likewise. */
int image_verify_numbers(const struct image *image, const struct treesize *size, struct fail *f);
