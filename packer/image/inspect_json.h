/*
 * The report of an image as JSON; docs/report.md describes the keys.
 */
#pragma once

#include <stdio.h>

#include "image/image_report_data.h"

void inspect_json(const struct image_report *r, FILE *out);

/* Prints a member of a payload as an object. */
void inspect_json_member(const struct listed *m, FILE *out);
