/* Failures: texts copied into a fixed struct. */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"

int fail_set(struct fail *f, int error, const char *what, const char *todo, const char *why, ...)
{
	char raw[4 * sizeof(f->why)];
	va_list ap;

	va_start(ap, why);
	vsnprintf(raw, sizeof(raw), why, ap);
	va_end(ap);
	f->error = error;
	escape_text(what, f->what, sizeof(f->what));
	escape_text(raw, f->why, sizeof(f->why));
	escape_text(todo ? todo : "", f->todo, sizeof(f->todo));
	return -error;
}

int fail_errno(struct fail *f, int error, const char *what, const char *doing)
{
	if (error < 0)
		error = -error;
	return fail_set(f, error, what, NULL, "%s: %s", doing, strerror(error));
}
