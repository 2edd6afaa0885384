/*
 * What a run of `tarboot netboot` is about to do with the images of a site, checked before anything that machines load changes.
 */
#pragma once

#include "site/site_publish.h"

struct site_plan {
	const struct site_draft *drafts; /* that are published first */
	size_t n_drafts;
	const char *roll_back, *remove; /* names of images; NULL = none */
};

/* Will there be a menu that names only what is there? -ENOENT: an image, or the version before, does not exist; -EBUSY: what goes is a
 * default; or what site_menu_check() says. If the last image is removed and was the default, the site has
 * no default afterwards. */
int site_plan_check(struct site *s, const struct site_plan *p, struct fail *f);
