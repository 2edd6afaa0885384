/*
 * What is in a unified kernel image beside the image, as text and as JSON.
 */
#pragma once

#include <stdio.h>

#include "image/uki.h"

void uki_print(const struct uki *uki, FILE *out);

/* A member "uki" of an object, with a comma behind. */
void uki_json(const struct uki *uki, FILE *out);
