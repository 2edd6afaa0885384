/*
 * Patterns that name paths of a root, with the rules of .gitignore: `*` and `?` stop at a slash, `**` does
 * not, `[…]` is a set, `\` takes a character as it is. A pattern without a slash names a file of any directory;
 * one with a slash is the path from the root; a slash at its end makes it name directories only.
 */
#pragma once

#include <stdbool.h>

/* Brings a pattern that somebody wrote into the form that the functions below take, in place: `./x` and `//x` become `/x`.
 * Returns NULL, or what is not understood in it, as a sentence. */
const char *glob_tidy(char *glob);

/* Does the pattern name this path? path is as path_in_root() of path.h has it; a slash at its end does not count. */
bool glob_match(const char *glob, const char *path, bool is_directory);

/* Does it name this path, or a directory that the path lies in? */
bool glob_match_above(const char *glob, const char *path, bool is_directory);

/* Does one of the patterns, the last of which NULL follows, name this path of a root? With is_above, a directory that the
 * path lies in will do. What lies in usr/ counts as if it lay beside it: in most roots links lead there. */
bool glob_match_any(const char *const *globs, const char *path, bool is_above);

/* May it name something below this directory? */
bool glob_may_match_below(const char *glob, const char *directory);
