/*
 * Unified kernel images of a site: one for each kind of machine, http/uki-MACHINE.efi and, unless it is too large for that,
 * tftp/uki-MACHINE.efi. UEFI firmware of that kind gets it in the place of iPXE, without a menu.
 */
#pragma once

#include <sys/stat.h>

#include "base/out.h"
#include "image/image.h"
#include "site/site_version.h"

/* One that is given, until it is published. Starts as { 0 }. */
struct site_uki {
	struct image image;
	struct stat seen;      /* before its bytes were checked: see unchanged.h */
	struct out http, tftp; /* copies of it */
};

/* Can the file be published? Checks it as far as that goes without decoding the root. path must live as long.
 * site_uki_close() closes what is open, also after a failure of these three. */
int site_uki_open(struct site_uki *u, const char *path, struct fail *f);

/* Copies it into the site, but not yet in the place of the one before for the same kind of machine. */
int site_uki_copy(struct site_uki *u, const struct site *s, struct fail *f);

/* There, too. */
int site_uki_publish(struct site_uki *u, const struct site *s, struct fail *f);

/* What is not published is removed. */
void site_uki_close(struct site_uki *u);

/* Removes all of them. */
int site_uki_remove(const struct site *s, struct fail *f);

/* A line for each that is there, and a warning where it does not take the root that it fetches. url: of http/. */
void site_uki_print(const struct site *s, const char *url);
