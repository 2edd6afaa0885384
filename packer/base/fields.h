/*
 * Tables of etc/ whose lines are fields with blanks between them, as fstab and crypttab are, and how lines of them
 * become comments. Pure: text in, text out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a text that belongs to somebody else. */
struct field {
	const char *at;
	size_t size;
};

/* The next field of a line that ends at end; empty at its end. *at goes behind it. */
struct field field_next(const char **at, const char *end);

bool field_is(struct field f, const char *text);
bool field_starts_with(struct field f, const char *text);

/* Does text stand in it? */
bool field_contains(struct field f, const char *text);

/* Is it one of these? list ends with NULL. */
bool field_is_one_of(struct field f, const char *const *list);

/* The next part of a list whose parts stand between separators. False at its end. Start with *rest = the list. */
bool field_next_part(struct field *rest, char separator, struct field *ret);

/* Has a list of options, with commas between them, this one? */
bool field_has_option(struct field options, const char *name);

/* The text with its escapes (\040) undone, as libmount does it, without slashes at its end. False: it does not fit. */
bool field_decode_path(struct field f, char *ret, size_t room);

/* The text from at to end, without blanks and quotes at both ends, however many there are, in pairs or not. */
struct field field_unquote(const char *at, const char *end);

/* The next line, without its end: false at the end of the text. Start with *at = text. */
bool line_next(const char **at, const char *end, struct field *ret);

#define LINE_MARK_MAX 64

/* Puts what mark() says before each line, and nothing before those that it returns NULL for; it is called once for
 * every line in order. text: size bytes. Returns how many lines were marked and the new text, which is the caller's; or
 * -ENOMEM. */
int lines_mark(const char *text, size_t size, const char *(*mark)(struct field line, void *arg),
	       void *arg, char **ret, size_t *ret_size);

/* Kinds of what is mounted or decrypted, by how it is named. */
enum device_kind {
	DEVICE_DISK, /* a block device, by path or by tag, or what nobody but its machine can know */
	DEVICE_MEMORY, /* made by the kernel of any machine: /dev/zram0 */
	DEVICE_FILE,   /* a path in the root */
	DEVICE_OTHER, /* a word: of a file system that needs no device, of a program, of a server */
};

enum device_kind device_kind_of(struct field device);
