/*
 * Lines of NAME = VALUE, as project files and netboot.conf have them. Pure.
 *
 * Blanks around name and value do not count. A value may stand in quotes of either kind, which have no escapes. A comment
 * begins with # at the beginning of a line or behind a blank, outside of quotes.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct setting {
	unsigned line;     /* its number, from 1 */
	const char *name;  /* these point into the text */
	const char *value; /* NULL: there is no = */
	const char *wrong; /* what is wrong with the line, a sentence; NULL = nothing */
};

struct settings {
	char *text; /* what is left of it; changed while it is read */
	unsigned line;
};

/* The next line that says something, or is wrong. */
bool settings_next(struct settings *s, struct setting *ret);

/* Writes a line that is read as these; value has no newline, and not both kinds of quotes. */
void setting_print(FILE *out, const char *name, const char *value);
