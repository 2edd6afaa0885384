/* tarboot timeline: a boot, or several, as a picture that people can read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "command/command.h"
#include "base/options.h"
#include "base/out.h"
#include "base/read_all.h"
#include "base/print.h"
#include "timeline/timeline.h"

#define BOOTS_MAX 16 /* more make no picture */

static const char *arg_out;

static const struct option_spec options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .value = "FILE",
	  .text = &arg_out,
	  .help = "draw an SVG picture; - is standard output (default: text for a terminal)" },
	OPTION_HELP,
	OPTIONS_END,
};

const struct command_usage usage_timeline = {
	.command = "timeline",
	.synopsis = "timeline REPORT.json... [-o BOOT.svg]",
	.about = "Shows the steps of a boot and how long they took, from the report that it wrote "
		 "to /run/tarboot/report.json: the kernel, each step, devices, the Blocks of each "
		 "worker, the memory in use. Several reports are drawn on one axis.",
	.options = options,
};

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv, struct command_line *ret)
{
	int r = options_parse(&usage_timeline, argc, argv, ret);

	if (r >= 0)
		return r;
	if (ret->n_arguments == 0)
		return print_usage_error("timeline", "expected at least one REPORT.json, got none");
	if (ret->n_arguments > BOOTS_MAX)
		return print_usage_error("timeline", "expected at most %d reports, got %zu",
					 BOOTS_MAX, ret->n_arguments);
	return -1;
}

static int read_report(const char *path, struct timeline *ret, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(path, &text, &size);

	if (r < 0)
		return fail_errno(f, r, path, "cannot read it");
	r = timeline_read(text, path, ret);
	if (r == -EINVAL)
		return fail_set(f, EINVAL, path, "Give the /run/tarboot/report.json of a machine.",
				"it is not the report of a boot");
	return r < 0 ? fail_errno(f, r, path, "cannot read it") : 0;
}

/* Of the terminal, or what printers and logs have. */
static unsigned columns(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

struct drawing {
	const struct timeline *boots;
	size_t n;
};

static int draw(FILE *out, const void *arg)
{
	const struct drawing *d = arg;

	return timeline_draw(d->boots, d->n, out);
}

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

static int draw_out(const struct drawing *d, struct fail *f)
{
	int r = is_stdout(arg_out) ? draw(stdout, d) : out_print(arg_out, draw, d, f);

	return r < 0 && is_stdout(arg_out) ? fail_errno(f, r, "standard output", "cannot draw it")
					   : r;
}

/* Before anything is read. */
static int check_output(const struct command_line *line, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; arg_out && !is_stdout(arg_out) && r == 0 && i < line->n_arguments; i++)
		r = out_check(arg_out, line->arguments[i], f);
	return r;
}

int command_timeline(int argc, char **argv)
{
	static struct timeline boots[BOOTS_MAX];
	struct command_line line;
	struct fail f;
	size_t n = 0;
	int r = parse_options(argc, argv, &line);

	if (r >= 0)
		return r;
	r = check_output(&line, &f);
	for (; r == 0 && n < line.n_arguments; n++)
		r = read_report(line.arguments[n], &boots[n], &f);
	if (r == 0 && arg_out)
		r = draw_out(&(struct drawing){ boots, n }, &f);
	else if (r == 0 && timeline_print(boots, n, columns(), stdout) < 0)
		r = fail_errno(&f, ENOMEM, line.arguments[0], "cannot show it");
	while (n > 0)
		timeline_free(&boots[--n]);
	return r < 0 ? print_failure(&f) : EXIT_OK;
}
