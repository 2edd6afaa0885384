/* Messages and progress on stderr. */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "size.h"

static uint64_t progress_start, progress_last;

int say_fail(const struct fail *f)
{
	say_progress_end();
	fprintf(stderr, "tarboot: %s: %s\n", f->what, f->why);
	if (*f->todo)
		fprintf(stderr, "  %s\n", f->todo);
	return EXIT_FAILED;
}

void say_warning(const char *text, ...)
{
	va_list ap;

	say_progress_end();
	fputs("tarboot: warning: ", stderr);
	va_start(ap, text);
	vfprintf(stderr, text, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int say_usage(const char *command, const char *text, ...)
{
	va_list ap;

	fprintf(stderr, "tarboot: %s: ", command);
	va_start(ap, text);
	vfprintf(stderr, text, ap);
	va_end(ap);
	fprintf(stderr, "\n  Try `tarboot %s --help`.\n", command);
	return EXIT_USAGE;
}

int say_number(const char *command, const char *option, const char *text, long least, long most,
	       long *ret)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || !strchr("-0123456789", *text) || end == text || *end || n < least || n > most)
		return say_usage(command, "%s %s: it must be a number from %ld to %ld", option,
				 text, least, most);
	*ret = n;
	return EXIT_OK;
}

void say_path(FILE *out, const char *path, int length)
{
	fputc('/', out);
	say_text(out, path, length);
}

void say_text(FILE *out, const char *text, int length)
{
	for (; *text && length != 0; text++, length--) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f || c == '\\')
			fprintf(out, "\\%03o", c);
		else
			fputc(c, out);
	}
}

void say_progress(const char *doing, uint64_t done, uint64_t total)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];
	uint64_t now = now_usec(), elapsed;

	if (!isatty(STDERR_FILENO) || now - progress_last < 250000)
		return;
	if (!progress_start)
		progress_start = now;
	progress_last = now;
	elapsed = now - progress_start;
	fprintf(stderr, "\r%s: %s", doing, size_format(a, done));
	if (total && done <= total && done)
		fprintf(stderr, " of %s, %llu s left", size_format(b, total),
			(unsigned long long)(elapsed * (total - done) / done / 1000000));
	fputs(" \033[K", stderr);
}

void say_progress_end(void)
{
	if (progress_start)
		fputs("\r\033[K", stderr);
	progress_start = progress_last = 0;
}
