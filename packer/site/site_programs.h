/*
 * Programs of other projects that are copied from this machine to a site: iPXE, Memtest86+.
 */
#pragma once

#include "site/site.h"

/* Is iPXE installed, or in the site? -ENOENT: no. */
int site_programs_check(const struct site *s, struct fail *f);

/* Copies iPXE to tftp/ and http/, and Memtest86+ to http/ where it is installed. -ENOENT: there is no iPXE. */
int site_programs_copy(const struct site *s, bool *ret_memtest_bios, bool *ret_memtest_efi,
		       struct fail *f);

/* Is Memtest86+ installed, so that site_programs_copy() will find it? */
bool site_programs_have_memtest(void);
