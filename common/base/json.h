/*
 * JSON text. Bytes that are not ASCII become \u0080 to \u00ff, one each: so any path can be read back.
 */
#pragma once

#include <stdio.h>

void json_text(FILE *out, const char *text);
