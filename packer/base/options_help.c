/*
 * What a table of options prints: --help for people, --list-options for programs. Only options.c calls it.
 */
#include "base/options.h"

#include <stdio.h>
#include <string.h>

#define HELP_WIDTH 79 /* of a VGA screen */
#define HEAD_MAX 24   /* longer ones have a line of their own */

/* Prints text from column at on, broken at blanks, further lines from column indent on. */
static void print_wrapped(const char *text, size_t at, size_t indent)
{
	size_t n;

	for (; *text; text += n) {
		if (*text == '\n') {
			putchar('\n');
			at = 0;
			n = 1;
			continue;
		}
		n = strcspn(text, " \n");
		if (at > indent && at + n > HELP_WIDTH) {
			putchar('\n');
			at = 0;
		}
		if (at < indent)
			at += (size_t)printf("%*s", (int)(indent - at), "");
		at += fwrite(text, 1, n, stdout);
		if (text[n] == ' ') {
			n++;
			if (at + 1 + strcspn(text + n, " \n") <= HELP_WIDTH)
				at += (size_t)(putchar(' ') == ' ');
			else
				at = HELP_WIDTH;
		}
	}
	putchar('\n');
}

/* "  -o, --output IMAGE", its length. */
static size_t format_head(const struct option_spec *o, char ret[128])
{
	char letter[5] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	return (size_t)snprintf(ret, 128, "  %s--%s%s%s", letter, o->name, o->value ? " " : "",
				o->value ? o->value : "");
}

static size_t help_column(const struct option_spec *o)
{
	char head[128];
	size_t widest = 0, n;

	for (; !option_is_end(o); o++) {
		n = o->name ? format_head(o, head) : 0;
		if (n > widest && n <= HEAD_MAX)
			widest = n;
	}
	return widest + 2;
}

void options_print_help(const struct command_usage *u)
{
	size_t column = help_column(u->options), n;
	const char *line = u->synopsis, *before = "Usage: ";
	char head[128];

	for (; *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		printf("%starboot %.*s\n", before, (int)n, line);
		before = "       ";
	}
	putchar('\n');
	print_wrapped(u->about, 0, 0);
	putchar('\n');
	for (const struct option_spec *o = u->options; !option_is_end(o); o++) {
		if (!o->name) {
			printf("%s%s\n", o == u->options ? "" : "\n", o->help);
			continue;
		}
		n = format_head(o, head);
		fputs(head, stdout);
		if (n + 2 > column)
			putchar('\n');
		print_wrapped(o->help, n + 2 > column ? 0 : n, column);
	}
	if (u->more) {
		putchar('\n');
		print_wrapped(u->more, 0, 0);
	}
}

void options_print_list(const struct command_usage *u)
{
	if (u->suggest)
		printf("\t\t\t%s\n", u->suggest);
	for (const struct option_spec *o = u->options; !option_is_end(o); o++) {
		char letter[3] = { '-', o->letter, '\0' };

		if (o->name)
			printf("--%s\t%s\t%s\t%s\n", o->name, o->letter ? letter : "",
			       o->value ? o->value : "",
			       o->words     ? o->words
			       : o->suggest ? o->suggest
					    : "");
	}
}
