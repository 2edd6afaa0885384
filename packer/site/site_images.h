/*
 * The images of a site: http/images/NAME/VERSION/ with kernel, image (see site_copy.h) and entry.conf. A version is complete when it
 * appears and never changes, so that a machine that is downloading gets all of it. NAME/current and NAME/previous are
 * links.
 */
#pragma once

#include "site/site_version.h"

/* Publishes an image under its name: it becomes the current version, and the current one the previous. *ret_published
 * is false if the current version has the same checksums and settings; it may be signed again then. */
int site_publish(const struct site *s, const struct publishing *p, bool *ret_published,
		 struct fail *f);

/* Deletes the incomplete versions that interrupted runs have left. The site is locked, so nobody is writing one. */
int site_sweep(const struct site *s, struct fail *f);

/* Reads the versions that are published under a name; both are "" if there is none. */
int site_read_image(const struct site *s, const char *name, struct site_image *ret, struct fail *f);

/* Swaps the current and the previous version. */
int site_roll_back(const struct site *s, const char *name, struct fail *f);

/* Removes an image with all its versions. -EBUSY: it is a default. */
int site_remove(const struct site *s, const char *name, struct fail *f);

/* All images, by name. The caller frees *ret. */
int site_images(const struct site *s, struct site_image **ret, size_t *ret_n, struct fail *f);
