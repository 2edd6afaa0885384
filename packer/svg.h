/*
 * The few pieces of SVG that the pictures share.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* Begins a picture of that size. */
void svg_begin(FILE *out, double width, double height);
void svg_end(FILE *out);

/* Writes text as the content of an element: what is no printable ASCII becomes a question mark. */
void svg_text(FILE *out, const char *text, size_t length);
