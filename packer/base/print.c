/* Messages and progress on stderr. */
#include "base/print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/size.h"

static uint64_t progress_start, progress_last;
static bool quiet;
static int hidden_stdout = -1; /* the standard output while results are hidden */

/* n bytes, or with 0 one that is escaped. */
static void put_character(FILE *out, const char *text, size_t n)
{
	char escaped[ESCAPE_SIZE + 1];

	if (n == 0)
		escape_byte((unsigned char)*text, escaped);
	fwrite(n ? text : escaped, n ? n : ESCAPE_SIZE, 1, out);
}

/* One line, with nothing that could steer a terminal. */
_printf_(2, 0) static void print_escaped(FILE *out, const char *text, va_list ap)
{
	char *raw = NULL;
	size_t n;

	if (vasprintf(&raw, text, ap) < 0)
		return;
	for (const char *at = raw; *at; at += n ? n : 1) {
		n = escape_printable(at, strlen(at));
		put_character(out, at, n);
	}
	fputc('\n', out);
	free(raw);
}

void print_line(FILE *out, const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	print_escaped(out, text, ap);
	va_end(ap);
}

/* What to do about errors of the system, where nobody who knows more has said it. */
static const struct {
	int error;
	const char *todo;
} system_errors[] = {
	{ ENOENT, "Check the path: nothing is there." },
	{ ENOTDIR, "Check the path: a part of it is a file, and not a directory." },
	{ EISDIR, "Check the path: it is a directory, and must be a file." },
	{ ELOOP, "Check the path: its symbolic links lead in a circle." },
	{ ENAMETOOLONG, "Use a shorter path." },
	{ EROFS, "Use a place that can be written to, or mount that file system read-write." },
	{ ENOSPC, "Free some space there, or use another place." },
	{ EDQUOT, "Free some space there, or use another place." },
	{ EIO, "See the kernel log (dmesg): the disk, or the network to it, fails." },
	{ ENOMEM, "Free or add memory; a container can have its own limit." },
	{ EMFILE, "Raise the limit of open files (ulimit -n)." },
	{ ENODATA, "It ended too early: copy it again, and let nothing write to it meanwhile." },
	{ EBUSY,
	  "It is in use, by another program or as a mount point: try again when it is not." },
};

static const char *find_todo(const struct fail *f)
{
	if (*f->todo)
		return f->todo;
	if ((f->error == EACCES || f->error == EPERM) && geteuid() != 0)
		return "Run it as root (sudo tarboot ...), or as a user who has access.";
	for (size_t i = 0; i < ARRAY_SIZE(system_errors); i++)
		if (system_errors[i].error == f->error && ends_with(f->why, strerror(f->error)))
			return system_errors[i].todo;
	return NULL;
}

int print_failure(const struct fail *f)
{
	const char *todo = find_todo(f);

	print_progress_end();
	fprintf(stderr, "tarboot: %s: %s\n", f->what, f->why);
	if (todo)
		fprintf(stderr, "  %s\n", todo);
	return EXIT_FAILED;
}

void print_warning(const char *text, ...)
{
	va_list ap;

	print_progress_end();
	fputs("tarboot: warning: ", stderr);
	va_start(ap, text);
	print_escaped(stderr, text, ap);
	va_end(ap);
}

int print_usage_error(const char *command, const char *text, ...)
{
	va_list ap;

	fprintf(stderr, "tarboot: %s: ", command);
	va_start(ap, text);
	print_escaped(stderr, text, ap);
	va_end(ap);
	fprintf(stderr, "  Try `tarboot %s --help`.\n", command);
	return EXIT_USAGE;
}

void print_path(FILE *out, const char *path, int length)
{
	fputc('/', out);
	print_text(out, path, length);
}

void print_text(FILE *out, const char *text, int length)
{
	size_t left = length < 0 ? strlen(text) : strnlen(text, (size_t)length), n;

	for (; left > 0; text += n, left -= n) {
		n = *text == '\\' ? 0 : escape_printable(text, left);
		put_character(out, text, n);
		n = n ? n : 1;
	}
}

int print_hide_results(void)
{
	_cleanup_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)fflush(stdout);
	hidden_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (null >= 0 && hidden_stdout >= 0 && dup2(null, STDOUT_FILENO) >= 0)
		return EXIT_OK;
	fprintf(stderr, "tarboot: /dev/null: cannot open it: %s\n", strerror(errno));
	return EXIT_FAILED;
}

void print_show_results(void)
{
	(void)fflush(stdout);
	if (hidden_stdout >= 0)
		(void)dup2(hidden_stdout, STDOUT_FILENO);
	cleanup_close(&hidden_stdout);
}

bool print_is_quiet(void)
{
	return quiet;
}

int print_quietly(void)
{
	quiet = true;
	return print_hide_results();
}

bool print_draws_progress(void)
{
	const char *term = getenv("TERM");

	return !quiet && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

void print_progress(const char *doing, uint64_t done, uint64_t total)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];
	uint64_t now = now_usec(), elapsed;

	if (!print_draws_progress() || now - progress_last < 250000)
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

void print_progress_end(void)
{
	if (progress_start)
		fputs("\r\033[K", stderr);
	progress_start = progress_last = 0;
}
