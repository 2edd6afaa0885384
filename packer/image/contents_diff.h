/*
 * The differences between two payloads, by path.
 */
#pragma once

#include <stdio.h>

#include "image/contents.h"

/* Prints a line for each path that was added, removed or changed, and totals; or the same as JSON. */
void contents_diff(const struct contents *old, const struct contents *new, bool as_json, FILE *out);
