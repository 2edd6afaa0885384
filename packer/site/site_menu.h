/*
 * The iPXE scripts of a site: http/menu.ipxe, and one for each machine with a default of its own.
 */
#pragma once

#include "site/site_images.h"

struct menu_extras {
	bool memtest_bios, memtest_efi; /* http/memtest.bin, http/memtest.efi */
};

/* Is it the name of an entry of the menu itself, so that no image can have it? */
bool site_menu_reserves(const char *name);

/* Can a menu be made of these images? -EINVAL: a default, or what a machine boots, is no entry of it. -E2BIG: a kernel line would be too
 * long, for example with the layers of machines or the mirrors that have been added. */
int site_menu_check(const struct site *s, const struct site_image *images, size_t n,
		    const struct menu_extras *extras, struct fail *f);

/* Writes http/menu.ipxe, http/mac-*.ipxe and tftp/autoexec.ipxe, or nothing if site_menu_check() refuses them. */
int site_menu_write(const struct site *s, const struct site_image *images, size_t n,
		    const struct menu_extras *extras, struct fail *f);
