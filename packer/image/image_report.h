/*
 * An image with everything that is known about its content, and reports of that.
 */
#pragma once

#include "image/image_report_data.h"
#include "base/out.h"

/* Opens the image at path ("-": standard input), also one that has only the boot part, or only layers: then blocks and needs are empty,
 * too. contents and usage are empty. image_report_close() closes what is open, also after a failure. */
int image_report_open(const char *path, struct image_report *ret, struct fail *f);

/* The same for a file that is open already and stays the caller's; it must have a root. path: for messages; it must live as long. */
int image_report_open_fd(int fd, const char *path, struct image_report *ret, struct fail *f);

/* Decodes the payload, for contents and usage. -ENOENT: a boot part has none. */
int image_report_decode(struct image_report *r, struct fail *f);

/* Does nothing for one that was never opened ({0}). */
void image_report_close(struct image_report *r);

/* Does the name of a report end in .svg or .json? */
bool image_report_can_write(const char *path);

/* Writes a report of what was decoded, by the suffix of path: .svg draws directories as areas; .json is described in
 * docs/report.md. It appears at path by out_commit(), which is left to the caller. */
int image_report_write(const struct image_report *r, const char *path, struct out *ret,
		       struct fail *f);
