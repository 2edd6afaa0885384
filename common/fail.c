/* Failures: texts copied into a fixed struct. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail_set(struct fail *f, int error, const char *what, const char *todo, const char *why, ...)
{
	va_list ap;

	f->error = error;
	snprintf(f->what, sizeof(f->what), "%s", what);
	snprintf(f->todo, sizeof(f->todo), "%s", todo ? todo : "");
	va_start(ap, why);
	vsnprintf(f->why, sizeof(f->why), why, ap);
	va_end(ap);
	return -error;
}

int fail_errno(struct fail *f, int error, const char *what, const char *doing)
{
	if (error < 0)
		error = -error;
	return fail_set(f, error, what, NULL, "%s: %s", doing, strerror(error));
}
