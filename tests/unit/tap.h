/*
 * TAP for unit tests in C: each check prints one line, done_testing() the plan. A failing check says
 * where it stands and what came instead; the test goes on. One test file is one program, so what it
 * counts lives here.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

/* A sanitizer's build: slower, and with terabytes of shadow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static unsigned tap_run, tap_failed;

/* The line itself; returns good, so that a caller can add what it knows. */
#define ok(good, ...) tap_ok(good, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(have, want, ...) tap_is_int(have, want, __FILE__, __LINE__, __VA_ARGS__)
#define is_str(have, want, ...) tap_is_str(have, want, __FILE__, __LINE__, __VA_ARGS__)

static inline void tap_name(const char *name, va_list ap) _printf_(1, 0);
static inline bool tap_result(bool good, const char *file, int line, const char *name, va_list ap)
	_printf_(4, 0);
static inline bool tap_ok(bool good, const char *file, int line, const char *name, ...)
	_printf_(4, 5);
static inline bool tap_is_int(long long have, long long want, const char *file, int line,
			      const char *name, ...) _printf_(5, 6);
static inline bool tap_is_str(const char *have, const char *want, const char *file, int line,
			      const char *name, ...) _printf_(5, 6);
static inline void diag(const char *text, ...) _printf_(1, 2);
static inline void skip(unsigned n, const char *why, ...) _printf_(2, 3);

/* Names hold test data; what could break a line or start a directive is replaced. */
static inline void tap_name(const char *name, va_list ap)
{
	char text[200];

	vsnprintf(text, sizeof(text), name, ap);
	for (char *c = text; *c; c++)
		putchar(*c == '#' || (unsigned char)*c < ' ' || (unsigned char)*c > '~' ? '?' : *c);
}

static inline bool tap_result(bool good, const char *file, int line, const char *name, va_list ap)
{
	printf("%sok %u - ", good ? "" : "not ", ++tap_run);
	tap_name(name, ap);
	putchar('\n');
	if (!good) {
		tap_failed++;
		printf("#   failed at %s:%d\n", file, line);
	}
	fflush(stdout); /* children that are forked must not print it again */
	return good;
}

static inline bool tap_ok(bool good, const char *file, int line, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	tap_result(good, file, line, name, ap);
	va_end(ap);
	return good;
}

static inline bool tap_is_int(long long have, long long want, const char *file, int line,
			      const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	tap_result(have == want, file, line, name, ap);
	va_end(ap);
	if (have != want)
		diag("  have %lld, want %lld", have, want);
	return have == want;
}

/* NULL is a value, too. */
static inline bool tap_is_str(const char *have, const char *want, const char *file, int line,
			      const char *name, ...)
{
	bool same = have && want ? strcmp(have, want) == 0 : have == want;
	va_list ap;

	va_start(ap, name);
	tap_result(same, file, line, name, ap);
	va_end(ap);
	if (!same)
		diag("  have \"%s\", want \"%s\"", have ? have : "(NULL)", want ? want : "(NULL)");
	return same;
}

/* A comment, line by line. */
static inline void diag(const char *text, ...)
{
	char buffer[4096];
	va_list ap;

	va_start(ap, text);
	vsnprintf(buffer, sizeof(buffer), text, ap);
	va_end(ap);
	for (char *line = strtok(buffer, "\n"); line; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
	fflush(stdout);
}

/* Counts n checks as skipped, with the reason. */
static inline void skip(unsigned n, const char *why, ...)
{
	va_list ap;

	while (n-- > 0) {
		printf("ok %u # SKIP ", ++tap_run);
		va_start(ap, why);
		tap_name(why, ap);
		putchar('\n');
		va_end(ap);
	}
	fflush(stdout);
}

/* For the end of main. */
static inline int done_testing(void)
{
	printf("1..%u\n", tap_run);
	if (tap_failed)
		printf("# %u of %u failed\n", tap_failed, tap_run);
	return fflush(stdout) != 0 || tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
