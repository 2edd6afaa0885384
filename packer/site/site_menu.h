/*
 * The iPXE scripts of a site: http/menu.ipxe, and one for each machine with a default of its own.
 */
#pragma once

#include "site/site_images.h"

struct menu_extras {
	bool memtest_bios, memtest_efi; /* http/memtest.bin, http/memtest.efi */
};

/* Is it the name of an entry of the menu itself, so that no image can have it? */
bool menu_has_entry(const char *name);

/* Writes http/menu.ipxe, http/mac-*.ipxe and tftp/autoexec.ipxe. -EINVAL: a default is not an entry. */
int menu_write(const struct site *s, const struct site_image *images, size_t n,
	       const struct menu_extras *extras, struct fail *f);
