/*
 * What differs between two payloads, by path.
 */
#pragma once

#include <stdio.h>

#include "contents.h"

/* A line for each path that only one has or that differs, and a sum; or the same as JSON. */
void contents_diff(const struct contents *old, const struct contents *new, bool as_json, FILE *out);
