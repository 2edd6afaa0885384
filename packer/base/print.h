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
int print_failure(const struct fail *f);

/* Prints a line, with what is no text in it escaped (escape.h): for all that has names in it which others chose. text
 * has no end of line. */
void print_line(FILE *out, const char *text, ...) _printf_(2, 3);

/* "tarboot: warning: …", as print_line() does. */
void print_warning(const char *text, ...) _printf_(1, 2);

/* Wrong usage: prints text and where to find help. Returns EXIT_USAGE. */
int print_usage_error(const char *command, const char *text, ...) _printf_(2, 3);

/* The ending of a regular plural: "s", or nothing for 1. */
static inline const char *print_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Writes "/PATH", escaped (escape.h), backslashes too, so that it can be read back. length: of path, or -1. */
void print_path(FILE *out, const char *path, int length);

/* The same of any text, without the slash. */
void print_text(FILE *out, const char *text, int length);

/* Discards what is printed to standard output from now on, until print_show_results(). Failures and warnings go to
 * standard error and are still seen. Returns EXIT_OK, or says what is wrong and returns EXIT_FAILED. */
int print_hide_results(void);
void print_show_results(void);

/* For --quiet: hides the results and draws no progress. Returns as print_hide_results() does. */
int print_quietly(void);
bool print_is_quiet(void);

/* Can a line be redrawn? Only on a terminal that knows escape sequences, and not with --quiet. */
bool print_draws_progress(void);

/* A line that is redrawn where that can be done, nothing elsewhere: done of total bytes (0 = not known). */
void print_progress(const char *doing, uint64_t done, uint64_t total);
void print_progress_end(void);
