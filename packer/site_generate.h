/*
 * All in a site that follows from its settings and images: the programs that it hands out, the menu, the servers'
 * configurations, netboot.conf itself.
 */
#pragma once

#include "site_images.h"

/* Writes what has changed; the site must be checked and locked. *ret has all images, by name; the caller frees it. */
int site_generate(const struct site *s, struct site_image **ret, size_t *ret_n, struct fail *f);
