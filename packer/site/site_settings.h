/*
 * The settings of a site in DIR/netboot.conf, which has lines NAME = VALUE with the names of the options of `tarboot netboot`.
 */
#pragma once

#include "site/site.h"

/* Sets one value. Returns NULL, or what is wrong with the value, for the end of a message. */
const char *site_apply_setting(struct site *s, const char *key, const char *value);

/* Reads netboot.conf. -EEXIST if there is none, because then the directory is not a site; but with claim an empty or
 * missing directory is accepted. */
int site_load(struct site *s, bool claim, struct fail *f);

/* Creates a netboot.conf without settings if site_load() found none; *ret_new tells whether it did. */
int site_claim(const struct site *s, bool *ret_new, struct fail *f);

/* Takes that back where no image could be published: the directory is empty again. */
void site_unclaim(const struct site *s);

/* Writes netboot.conf. */
int site_save(const struct site *s, struct fail *f);
