/*
 * An image with everything that is known about its content, and reports of that.
 */
#pragma once

#include "image/image_facts.h"

/* Opens the image at path ("-": standard input), also one that has only the boot part, or only layers: then blocks and needs are empty,
 * too. contents and usage are empty. */
int image_report_open(const char *path, struct image_report *ret, struct fail *f);

/* Decodes the payload, for contents and usage. -ENOENT: a boot part has none. */
int image_report_decode(struct image_report *r, struct fail *f);

void image_report_close(struct image_report *r);

/* Does the name of a report end in .svg or .json? */
bool image_report_can_write(const char *path);

/* Decodes the payload if a report is wanted: writes it to path (NULL = none), as image_report_write() does, and if
 * json is set prints it on standard output, where results may have been hidden until then (print_hide_results()). */
int image_report_deliver(struct image_report *r, const char *path, bool json, struct fail *f);

/* Writes a report by the suffix of path: .svg draws directories as areas; .json is described in docs/report.md. */
int image_report_write(const struct image_report *r, const char *path, struct fail *f);
