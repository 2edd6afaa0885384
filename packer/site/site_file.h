/*
 * Files in the directory of a site. Those that tarboot wrote have a mark in them, and only these are replaced by texts.
 */
#pragma once

#include "site/site.h"

/* The mark of a file that tarboot wrote. */
#define SITE_MARK "Made by tarboot netboot"

/* Creates the directory if it does not exist; *ret_made tells whether it did. */
int site_make_directory(const struct site *s, bool *ret_made, struct fail *f);

/* Creates a directory in it, unless there is one; its parent must exist. */
int site_add_directory(const struct site *s, const char *path, struct fail *f);

/* Formats the path of a file in the directory. */
const char *site_path(const struct site *s, char ret[PATH_MAX], const char *format, ...)
	_printf_(3, 4);

/* The name of the file itself, without its directories. */
const char *site_file_of(const char *image);

/* Writes a text to this path in the directory, unless the file has that text already. Creates its parent directories.
 * -EEXIST: a file exists that was not written by tarboot, which would have a mark in its first lines. */
int site_write(const struct site *s, const char *path, const char *text, struct fail *f);

/* The same with the output of print. */
int site_print(const struct site *s, const char *path, void (*print)(FILE *out, const void *arg),
	       const void *arg, struct fail *f);

/* Writes bytes to this path, unless the file has them already, whoever wrote it. */
int site_replace(const struct site *s, const char *path, const void *data, size_t size,
		 struct fail *f);

/* Does a file exist at this path that tarboot wrote? */
bool site_owns(const char *path);

/* Removes the file at this path, or a directory with all that is in it. 0, also when there is none. */
int site_remove_file(const char *path, struct fail *f);
int site_remove_tree(const char *path, struct fail *f);
