/*
 * The images of a site: http/images/NAME/VERSION/ with kernel, image (see site_copy.h) and entry.conf. A version is complete when it
 * appears and never changes, so that a machine that is downloading gets all of it. NAME/current and NAME/previous are
 * links.
 */
#pragma once

#include "site/site_version.h"

#define SITE_IMAGES "http/images/"
#define SITE_NEW ".new-" /* prefix of versions that are not complete */

/* Deletes the incomplete versions that interrupted runs have left. The site is locked, so nobody is writing one. */
int site_sweep(const struct site *s, struct fail *f);

/* Reads the versions that are published under a name; both are "" if there is none. */
int site_read_image(const struct site *s, const char *name, struct site_image *ret, struct fail *f);

/* Swaps the current and the previous version, which site_plan_check() has found. */
int site_roll_back(const struct site *s, const char *name, struct fail *f);

/* Removes an image with all its versions, when nothing names it any more. */
int site_remove(const struct site *s, const char *name, struct fail *f);

/* All images, by name. The caller frees *ret. */
int site_images(const struct site *s, struct site_image **ret, size_t *ret_n, struct fail *f);

/* The one of that name in the array, which is as constant as that. NULL: there is none. */
struct site_image *site_images_find(const struct site_image *images, size_t n, const char *name);

/* Takes the one of that name out of the array. */
void site_images_leave_out(struct site_image *images, size_t *n, const char *name);

/* Removes the oldest versions beyond those to keep, but for the current and the previous one. The menu must not name them any
 * more. */
int site_prune(const struct site *s, const struct site_image *image, struct fail *f);

/* ---- for site_publish.c ---- */

/* Writes the entry.conf of a version in a directory of that name, which is made if need be. */
int site_write_entry(const struct site *s, const char *name, const char *directory,
		     const struct site_version *v, struct fail *f);

/* Makes or replaces a link to a version. */
int site_link_to(const struct site *s, const char *name, const char *link, const char *target,
		 struct fail *f);
