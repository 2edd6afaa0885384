/*
 * What differs between two payloads, by path.
 */
#pragma once

#include <stdio.h>

#include "listing.h"

/* A line for each path that only one has or that differs, and a sum; or the same as JSON. */
void listing_diff(const struct listing *old, const struct listing *new, bool as_json, FILE *out);
