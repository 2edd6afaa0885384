/*
 * Bytes that others chose, on their way to a terminal: names in archives, in reports, from the network. What is text
 * stays readable: printable ASCII and UTF-8. What could steer a terminal or hide something is written as \ooo, three
 * octal digits for each byte: control characters of ASCII and Unicode (C0, DEL, C1), marks that turn the direction of
 * writing, other ends of lines, and bytes that are no UTF-8.
 *
 * A backslash stays as it is, so that a text can pass here more than once. Lists that shall be read back escape it
 * too (print_path).
 */
#pragma once

#include <stddef.h>

#define ESCAPE_SIZE 4 /* characters that a byte becomes */

/* Bytes of the character with which text of length bytes starts, if it may be shown: 1 to 4. 0: its first byte must be
 * escaped. */
size_t escape_printable(const char *text, size_t length);

/* Writes a byte as \ooo to ret[0] to ret[3], and a NUL behind. */
void escape_byte(unsigned char byte, char ret[ESCAPE_SIZE + 1]);

/* Writes text to ret, which has room bytes, 8 at least. What does not fit is cut off between two characters, and "..."
 * stands there instead. */
void escape_text(const char *text, char *ret, size_t room);

/* Bytes at the start of an escaped text, max at most, that end between two characters or escapes; 1 at least unless
 * the text is empty. */
size_t escape_fit(const char *text, size_t max);
