/*
 * The signature of a published manifest, by minisign(1).
 */
#pragma once

#include "image/boot_keys.h"
#include "site/site_version.h"

/* Would machines that boot this boot part take the root without a signature, or is there one to be? -EPERM: no. */
int site_sign_check(const struct publishing *p, const struct boot_keys *keys, const char *image,
		    struct fail *f);

#define SITE_SIGN_ASIDE "signature.new" /* the name of one until it is checked */

/* The same of any file in it that has a manifest. */
int site_sign_file(const struct publishing *p, const struct boot_keys *keys, const char *version,
		   const char *directory, const char *file, struct fail *f);

/* Signs directory/NAME.manifest with the key of p, into NAME.manifest.minisig; minisign asks for the key's password where it has one. The
 * boot part's keys must find it right. */
int site_sign(const struct publishing *p, const struct boot_keys *keys,
	      const struct site_version *v, const char *directory, struct fail *f);
