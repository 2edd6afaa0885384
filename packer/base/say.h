/*
 * What the command says: results on stdout by the subcommands themselves, everything else on stderr
 * as "tarboot: what: why". Here also its exit codes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fail.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Prints a failure and what to do about it. Returns EXIT_FAILED. */
int say_fail(const struct fail *f);

/* Prints a line, with what is no text in it escaped (escape.h): for all that has names in it which others chose. text
 * has no end of line. */
void say(FILE *out, const char *text, ...) _printf_(2, 3);

/* "tarboot: warning: …", as say() does. */
void say_warning(const char *text, ...) _printf_(1, 2);

/* Wrong usage: prints text and where to find help. Returns EXIT_USAGE. */
int say_usage(const char *command, const char *text, ...) _printf_(2, 3);

/* Reads the number that an option is given. Returns EXIT_OK, or says what is wrong and returns
 * EXIT_USAGE. */
int say_number(const char *command, const char *option, const char *text, long least, long most,
	       long *ret);

/* What "file" needs behind it when there are n of them. */
static inline const char *say_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Writes "/PATH", escaped (escape.h), backslashes too, so that it can be read back. length: of path, or -1. */
void say_path(FILE *out, const char *path, int length);

/* The same of any text, without the slash. */
void say_text(FILE *out, const char *text, int length);

/* Discards what is printed to standard output from now on, until say_show_results(). Failures and warnings go to
 * standard error and are still seen. Returns EXIT_OK, or says what is wrong and returns EXIT_FAILED. */
int say_hide_results(void);
void say_show_results(void);

/* For --quiet: hides the results and draws no progress. Returns as say_hide_results() does. */
int say_be_quiet(void);
bool say_is_quiet(void);

/* Can a line be redrawn? Only on a terminal that knows escape sequences, and not with --quiet. */
bool say_draws_progress(void);

/* A line that is redrawn where that can be done, nothing elsewhere: done of total bytes (0 = not known). */
void say_progress(const char *doing, uint64_t done, uint64_t total);
void say_progress_end(void);
