/*
 * The files of a version: the kernel, and the image as it is loaded. That is one file; or boot part and root, each for a loader;
 * or the boot part for a loader, and the payload with its manifest for the machine itself to fetch.
 */
#pragma once

#include "image/image.h"
#include "site/site_version.h"

/* Can the image be published so? -EINVAL, for one that tarboot pack did not make, has no fetcher or no digests. */
int site_copy_check(const struct publishing *p, const struct image *image, struct fail *f);

/* Writes them to a directory. older: directories of versions whose payload may be the same, and then is not stored twice. */
int site_copy(const struct publishing *p, const struct image *image, const struct site_version *v,
	      const char *directory, const char *const older[2], struct fail *f);

/* Has the directory what site_copy() writes? Reads all of it. */
bool site_copy_is_whole(const struct publishing *p, const struct image *image,
			const struct site_version *v, const char *directory);
