/*
 * The reader of all text files that people may write: lines of NAME = VALUE (project files, netboot.conf, entry.conf
 * of an image) and lines of anything (--exclude-from).
 *
 * Spaces and tabs around name and value are ignored. A value may be quoted by either kind of quotes, which have no
 * escapes. A comment begins with # at the beginning of a line or after a space, outside of quotes. Only
 * settings_open() reads files; the rest works on text.
 */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stdio.h>

struct setting {
	unsigned line;     /* its number, from 1 */
	const char *name;  /* these point into the text */
	const char *value; /* NULL: there is no = */
	const char *wrong; /* what is wrong with the line, a sentence; NULL = nothing */
};

struct settings {
	char *text; /* what is left to read; changed while it is read */
	unsigned line;
	char *whole; /* owned, by settings_open(); else NULL */
};

/* Reads a file. Returns 0; -ENOENT when there is none; or -errno, and *f says why. The caller calls
 * settings_close(). */
int settings_open(const char *path, struct settings *ret, struct fail *f);
void settings_close(struct settings *s);
#define _cleanup_settings_ __attribute__((cleanup(settings_close)))

/* The next line that is neither empty nor a comment, without spaces at its ends; s->line is its number. NULL: no
 * more. */
char *settings_next_line(struct settings *s);

/* The next such line as a setting, which may be wrong. */
bool settings_next(struct settings *s, struct setting *ret);

/* Fills *f as "PATH: line N: NAME: WHY". Returns -EINVAL. */
int setting_fail(struct fail *f, const char *path, const struct setting *line, const char *why);

/* Can setting_print() write this value? Not if it needs quotes and has both kinds of them, or a newline. */
bool setting_can_hold(const char *value);

/* Writes a line that is read as these. */
void setting_print(FILE *out, const char *name, const char *value);
