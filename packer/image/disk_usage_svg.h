/*
 * Sizes in an image as a drawing.
 */
#pragma once

#include <stdio.h>

#include "image/disk_usage.h"

/* Draws a treemap of the bytes in RAM as SVG. */
void disk_usage_draw(const struct disk_usage *u, const char *title, FILE *out);
