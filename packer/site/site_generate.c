/* The order matters: configurations name programs and the menu names images, which must exist before. */
#include "site/site_generate.h"

#include "site/site_menu.h"
#include "site/site_programs.h"
#include "site/site_servers.h"
#include "site/site_settings.h"

int site_generate(const struct site *s, const char *leave_out, struct site_image **ret,
		  size_t *ret_n, struct fail *f)
{
	struct menu_extras extras = { 0 };
	struct site_image *images = NULL;
	size_t n = 0;
	int r = site_images(s, &images, &n, f);

	if (r == 0 && leave_out)
		site_images_leave_out(images, &n, leave_out);
	if (r == 0)
		r = site_programs_copy(s, &extras.memtest_bios, &extras.memtest_efi, f);
	if (r == 0)
		r = site_menu_write(s, images, n, &extras, f);
	if (r == 0)
		r = site_servers_write(s, f);
	if (r == 0)
		r = site_save(s, f);
	if (r < 0) {
		free(images);
		return r;
	}
	*ret = images;
	*ret_n = n;
	return 0;
}
