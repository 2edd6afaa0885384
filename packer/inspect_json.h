/*
 * All that is known of an image as JSON; docs/report.md has the keys.
 */
#pragma once

#include <stdio.h>

#include "contents.h"
#include "needs.h"

int inspect_json(const struct image *image, const struct contents *l, const struct needs *n,
		 FILE *out, struct fail *f);

/* One member of a payload as an object. */
void inspect_json_member(const struct listed *m, FILE *out);
