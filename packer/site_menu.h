/*
 * The iPXE scripts of a site: http/menu.ipxe, and one for each machine that boots something of its own.
 */
#pragma once

#include "site_images.h"

struct menu_extras {
	bool memtest_bios, memtest_efi; /* http/memtest.bin, http/memtest.efi */
};

/* Is it a name that the menu itself needs, so that no image can have it? */
bool menu_has_entry(const char *name);

/* Writes http/menu.ipxe, http/mac-*.ipxe and tftp/autoexec.ipxe. -EINVAL: the default, or a machine's, is no entry. */
int menu_write(const struct site *s, const struct site_image *images, size_t n,
	       const struct menu_extras *extras, struct fail *f);
