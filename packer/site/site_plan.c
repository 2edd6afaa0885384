/* The images are listed as they will be. */
#include "site/site_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "site/site_menu.h"
#include "site/site_programs.h"

struct images {
	struct site_image *all; /* owned; with room for all drafts */
	size_t n;
};

static int list(const struct site *s, size_t more, struct images *ret, struct fail *f)
{
	struct site_image *images = NULL;
	size_t n = 0;
	int r = site_images(s, &images, &n, f);

	if (r == 0) {
		ret->all = calloc(n + more + 1, sizeof(*ret->all));
		ret->n = n;
		r = ret->all ? 0 : fail_errno(f, ENOMEM, s->directory, "cannot list its images");
	}
	if (r == 0)
		memcpy(ret->all, images, n * sizeof(*images));
	free(images);
	return r;
}

static int need(const struct site *s, const struct images *i, const char *name,
		struct site_image **ret, struct fail *f)
{
	*ret = site_images_find(i->all, i->n, name);
	return *ret ? 0
		    : fail_set(f, ENOENT, s->directory,
			       "Its images are the directories in http/images.",
			       "it has no image %s", name);
}

/* ---- what changes ---- */

static void add_draft(struct images *i, const struct site_draft *d)
{
	struct site_image *image = site_images_find(i->all, i->n, d->p.name);

	if (!d->is_new)
		return;
	if (!image)
		image = &i->all[i->n++];
	if (*image->current.version)
		image->previous = image->current;
	image->current = d->version;
	strcpy(image->name, d->p.name);
}

static int roll_back(const struct site *s, const struct images *i, const char *name, struct fail *f)
{
	struct site_image *image;
	struct site_version current;
	int r = need(s, i, name, &image, f);

	if (r < 0)
		return r;
	if (!*image->previous.version)
		return fail_set(f, ENOENT, name, "Publish another version first.",
				"there is no previous version to go back to");
	current = image->current;
	image->current = image->previous;
	image->previous = current;
	return 0;
}

/* Is it the default of the menu or of a machine? */
static bool is_booted(const struct site *s, const char *name)
{
	for (size_t i = 0; i < s->n_machines; i++)
		if (strcmp(s->machines[i].boot, name) == 0)
			return true;
	return strcmp(s->boot, name) == 0;
}

/* The last image may go though it is the default: the menu then starts with the local disk. */
static int leave_out(struct site *s, struct images *i, const char *name, struct fail *f)
{
	struct site_image *image;
	int r = need(s, i, name, &image, f);

	if (r < 0)
		return r;
	site_images_leave_out(i->all, &i->n, name);
	if (i->n == 0 && strcmp(s->boot, name) == 0)
		*s->boot = '\0';
	return is_booted(s, name)
		       ? fail_set(f, EBUSY, name, "Set another with --default or --boot first.",
				  "it is the default of the menu or of a machine")
		       : 0;
}

int site_plan_check(struct site *s, const struct site_plan *p, struct fail *f)
{
	const bool has_memtest = site_programs_have_memtest();
	const struct menu_extras extras = { has_memtest, has_memtest };
	struct images images = { 0 };
	int r = list(s, p->n_drafts, &images, f);

	for (size_t i = 0; r == 0 && i < p->n_drafts; i++)
		add_draft(&images, &p->drafts[i]);
	if (r == 0 && p->roll_back)
		r = roll_back(s, &images, p->roll_back, f);
	if (r == 0 && p->remove)
		r = leave_out(s, &images, p->remove, f);
	if (r == 0)
		r = site_menu_check(s, images.all, images.n, &extras, f);
	free(images.all);
	return r;
}
