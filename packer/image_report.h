/*
 * An image with all that can be said of what it holds, and that as a file.
 */
#pragma once

#include "contents.h"
#include "needs.h"
#include "usage.h"

struct image_report {
	struct image image;
	struct needs needs;
	struct contents contents;
	struct usage usage;
};

/* Opens the image at path ("-": standard input) and decodes it once. */
int image_report_open(const char *path, struct image_report *ret, struct fail *f);
void image_report_close(struct image_report *r);

/* Does the name of a report end in .svg or .json? */
bool image_report_can_write(const char *path);

/* Writes it as what its name says: .svg, directories as areas; .json, see docs/report.md. */
int image_report_write(const struct image_report *r, const char *path, struct fail *f);
