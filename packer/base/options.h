/*
 * The command line of a subcommand. Each has one table of options, from which the command line is parsed, --help is
 * printed and, by the hidden option --list-options, bash completes; tests/pack/man.t compares the man page with it.
 * Errors are printed here and name the option as it was typed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct option_spec {
	const char *name;  /* without its dashes; NULL: help is a heading */
	char letter;       /* 0 = none */
	bool may_be_empty; /* its value */
	int id;            /* for commands that set the option themselves */
	const char *value; /* what the help calls its value; NULL = it takes none */
	const char *words; /* the only values allowed, separated by spaces; NULL = any */
	/* without words: what a shell completes beside files; see options_print_list() */
	const char *suggest;
	const char *help; /* NULL and no name: the end of a table */

	/* Where options_parse() puts it: one of these. */
	bool *flag;
	const char **text; /* points into argv */
	long *number, least, most;
	int (*set)(const char *command, const char *value,
		   const char *typed); /* EXIT_OK, or says what is wrong and returns EXIT_USAGE */
};

#define OPTION_HELP                                                     \
	{                                                               \
		.name = "help", .letter = 'h', .help = "show this help" \
	}
#define OPTION_QUIET(...)                                                                 \
	{                                                                                 \
		.name = "quiet", .letter = 'q', .help = "print warnings and errors only", \
		__VA_ARGS__                                                               \
	}
#define OPTIONS_END          \
	{                    \
		.name = NULL \
	}

struct command_usage {
	const char *command;
	const char *synopsis; /* what follows "tarboot ", one or more lines */
	const char *about;    /* paragraphs; lines are broken where they must */
	const struct option_spec *options;
	const char *suggest; /* what a shell completes for an argument, beside files; or NULL */
	const char *more;    /* paragraphs after the options, or NULL */
};

static inline bool option_is_end(const struct option_spec *o)
{
	return !o->name && !o->help;
}

/* Sets the subcommands, NULL at the end, whose options are looked up for the message about an unknown option; before that, none are. */
void options_set_commands(const struct command_usage *const *all);

struct option_given {
	const struct option_spec *option;
	const char *value; /* points into argv; NULL = it takes none */
};

struct command_line {
	struct option_given *options; /* owned; in their order */
	size_t n_options;
	char **arguments; /* the others, which are moved to the front of argv; not owned */
	size_t n_arguments;
	size_t n_before; /* of them, those before a `--` */
};

/* Reads a command line, argv[0] being the command. Returns -1 to go on, and then the caller frees ret->options; else
 * an exit code: the help was shown, or what is wrong was said. Values are not looked at, except that they are not
 * empty. */
int options_read(const struct command_usage *u, int argc, char **argv, struct command_line *ret);

/* The same, and sets what each option is for. ret->options is NULL then. */
int options_parse(const struct command_usage *u, int argc, char **argv, struct command_line *ret);

void options_print_help(const struct command_usage *u);

/* For the shell's completion and tests: a line for each option, "--name", "-l", VALUE and the words to complete,
 * separated by tabs; first, when there are any, a line with the words for an argument alone. A word @images or
 * @interfaces stands for what only the shell can list. */
void options_print_list(const struct command_usage *u);

/* Are there as many arguments as wanted? what: them, as "one IMAGE". Returns EXIT_OK, or says it and returns
 * EXIT_USAGE. */
int options_expect(const char *command, const char *what, size_t wanted, size_t got);

/* The option of exactly that name, or NULL. */
const struct option_spec *option_find(const struct command_usage *u, const char *name);

/* Looks whether words and number allow the value, and sets flag, text or number. typed is how the user named the
 * option. Returns EXIT_OK, or says what is wrong and returns EXIT_USAGE. */
int option_set(const char *command, const struct option_spec *o, const char *value,
	       const char *typed);

/* "; did you mean PREFIXNAME?" into ret, or "" when no name that next() lists is near the word. */
#define NEAREST_MAX 96
const char *nearest_name(const char *word, const char *prefix,
			 const char *(*next)(size_t i, const void *arg), const void *arg,
			 char ret[NEAREST_MAX]);

/* Reads the number that an option is given. Returns EXIT_OK, or says what is wrong and returns
 * EXIT_USAGE. */
int option_number(const char *command, const char *option, const char *text, long least, long most,
		  long *ret);
