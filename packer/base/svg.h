/*
 * Parts of SVG that the pictures have in common.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* Starts a picture of that size. */
void svg_begin(FILE *out, double width, double height);
void svg_end(FILE *out);

/* Writes text as the content of an element, with a question mark for each byte that is not printable ASCII. */
void svg_text(FILE *out, const char *text, size_t length);
