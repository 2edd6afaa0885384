/*
 * Unified kernel images of a site: one for each kind of machine, http/uki-MACHINE.efi and, unless it is too large for that,
 * tftp/uki-MACHINE.efi. UEFI firmware of that kind gets it in the place of iPXE, without a menu.
 */
#pragma once

#include "site/site_version.h"

/* Can the file be published? Checks it as far as that goes without decoding the root. */
int site_uki_check(const char *path, struct fail *f);

/* Publishes it in the place of the one before for the same kind of machine. */
int site_uki_publish(const struct site *s, const char *path, struct fail *f);

/* Removes all of them. */
int site_uki_remove(const struct site *s, struct fail *f);

/* A line for each that is there, and a warning where it does not take the root that it fetches. url: of http/. */
void site_uki_print(const struct site *s, const char *url);
