/*
 * An image with all that can be said of what it holds, and that as a file.
 */
#pragma once

#include "contents.h"
#include "needs.h"
#include "usage.h"

struct image_report {
	struct image image;
	struct block_list blocks; /* of its payload */
	struct needs needs;
	struct contents contents;
	struct usage usage;
};

/* Opens the image at path ("-": standard input). contents and usage are then empty. */
int image_report_open(const char *path, struct image_report *ret, struct fail *f);

/* Decodes it, for contents and usage. */
int image_report_decode(struct image_report *r, struct fail *f);

void image_report_close(struct image_report *r);

/* Does the name of a report end in .svg or .json? */
bool image_report_can_write(const char *path);

/* Decodes it and delivers what was asked for: a file named as image_report_write() takes it (NULL = none), and JSON on
 * standard output, where results may be hidden until then (say_hide_results()). */
int image_report_deliver(struct image_report *r, const char *path, bool json, struct fail *f);

/* Writes it as what its name says: .svg, directories as areas; .json, see docs/report.md. */
int image_report_write(const struct image_report *r, const char *path, struct fail *f);
