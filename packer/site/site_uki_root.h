/*
 * The root that a unified kernel image of a site fetches: is it there, and is it one that the boot part takes?
 */
#pragma once

#include "site/site.h"

/* A line with the root's URL, for the unified kernel image at that path; nothing when its root is in it. Warns when it takes no root that
 * this site has at that URL. */
void site_uki_root_print(const struct site *s, const char *path);
