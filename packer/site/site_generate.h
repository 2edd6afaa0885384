/*
 * Generates what follows from the settings and images of a site: boot programs, menu, configurations of servers, and
 * netboot.conf itself.
 */
#pragma once

#include "site/site_images.h"

/* Writes what has changed; the site must be checked and locked. leave_out: the name of an image that is about to go; may be NULL. *ret has
 * all others, by name; the caller frees it. */
int site_generate(const struct site *s, const char *leave_out, struct site_image **ret,
		  size_t *ret_n, struct fail *f);
