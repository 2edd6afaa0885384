/* Options by GNU's rules: anywhere, abbreviated, -xVALUE, --name=VALUE, `--` ends them. getopt_long() has two states for
 * that, permutes argv on the way and cannot tell which option it complains about. */
#include "base/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/print.h"
#include "base/util.h"

/* ---- names ---- */

#define WORD_MAX 32

/* Letters to change, add, leave out or swap with the next, to make b of a; both shorter than WORD_MAX. */
static unsigned distance(const char *a, const char *b)
{
	unsigned char rows[3][WORD_MAX + 1];
	size_t n = strlen(b), i, j;

	for (j = 0; j <= n; j++)
		rows[0][j] = (unsigned char)j;
	for (i = 1; a[i - 1]; i++) {
		unsigned char *row = rows[i % 3], *above = rows[(i + 2) % 3];

		row[0] = (unsigned char)i;
		for (j = 1; j <= n; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);

			best = above[j] + 1u < best ? above[j] + 1u : best;
			best = row[j - 1] + 1u < best ? row[j - 1] + 1u : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    rows[(i + 1) % 3][j - 2] + 1u < best)
				best = rows[(i + 1) % 3][j - 2] + 1u;
			row[j] = (unsigned char)best;
		}
	}
	return rows[(i - 1) % 3][n];
}

const char *nearest_name(const char *word, const char *prefix,
			 const char *(*next)(size_t i, const void *arg), const void *arg,
			 char ret[NEAREST_MAX])
{
	const char *name, *nearest = NULL;
	unsigned least = strlen(word) > 4 ? 3 : 2, d;

	for (size_t i = 0; strlen(word) < WORD_MAX && (name = next(i, arg)); i++) {
		d = strlen(name) < WORD_MAX ? distance(word, name) : least;
		if (d < least) {
			least = d;
			nearest = name;
		}
	}
	snprintf(ret, NEAREST_MAX, "%s%s%s%s", nearest ? "; did you mean " : "",
		 nearest ? prefix : "", nearest ? nearest : "", nearest ? "?" : "");
	return ret;
}

static const char *next_option(size_t i, const void *usage)
{
	const struct option_spec *o = ((const struct command_usage *)usage)->options;

	for (; !option_is_end(o); o++)
		if (o->name && i-- == 0)
			return o->name;
	return NULL;
}

const struct option_spec *option_find(const struct command_usage *u, const char *name)
{
	for (const struct option_spec *o = u->options; !option_is_end(o); o++)
		if (o->name && strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static const struct option_spec *find_letter(const struct command_usage *u, char letter)
{
	for (const struct option_spec *o = u->options; !option_is_end(o); o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

/* "a, b or c" of "a b c". */
static void list_words(const char *words, char ret[256])
{
	const char *last = strrchr(words, ' ');
	size_t at = 0;

	for (; *words && at < 250; words++) {
		if (*words == ' ')
			at += (size_t)snprintf(ret + at, 256 - at, "%s",
					       words == last ? " or " : ", ");
		else
			ret[at++] = *words;
	}
	ret[at] = '\0';
}

static const struct command_usage *const *all_commands;

void options_set_commands(const struct command_usage *const *all)
{
	all_commands = all;
}

/* "; it is an option of A, B" into ret, or, where no other subcommand has it, the name that is near. */
static const char *explain_unknown(const struct command_usage *u, const char *name,
				   char ret[NEAREST_MAX])
{
	const char *before = "; it is an option of ";
	size_t at = 0;

	for (const struct command_usage *const *other = all_commands; other && *other; other++)
		if (option_find(*other, name) && at < NEAREST_MAX) {
			at += (size_t)snprintf(ret + at, NEAREST_MAX - at, "%s%s", before,
					       (*other)->command);
			before = ", ";
		}
	return at ? ret : nearest_name(name, "--", next_option, u, ret);
}

/* The option that a name, or the beginning of one, stands for; NULL when that was said to be wrong. */
static const struct option_spec *find_long(const struct command_usage *u, const char *name)
{
	const struct option_spec *found = option_find(u, name);
	char all[256] = "", names[256], unknown[NEAREST_MAX];
	size_t n = 0, at = 0;

	for (const struct option_spec *o = u->options; !found && !option_is_end(o); o++) {
		if (!o->name || !*name || strncmp(o->name, name, strlen(name)) != 0)
			continue;
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s--%s", n++ ? " " : "",
				       o->name);
		at = at < sizeof(all) ? at : sizeof(all) - 1;
	}
	if (n == 1)
		found = option_find(u, all + 2);
	else if (n > 1) {
		list_words(all, names);
		print_usage_error(u->command, "--%s: this may mean %s", name, names);
	} else if (!found)
		print_usage_error(u->command, "--%s: unknown option%s", name,
				  explain_unknown(u, name, unknown));
	return found;
}

/* ---- reading ---- */

struct reader {
	const struct command_usage *usage;
	char **argv;
	int argc, at; /* at: of the next word */
	bool help;
	struct command_line line;
};

/* Would this word be an option of the command by itself? */
static bool is_option(const struct command_usage *u, const char *word)
{
	char name[64];

	if (word[0] == '-' && word[1] && !word[2])
		return find_letter(u, word[1]);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	return strncmp(name, "--", 2) == 0 && option_find(u, name + 2);
}

/* Notes an option; value is what stands behind it in the same word, or NULL. typed is for messages. */
static int add_option(struct reader *r, const struct option_spec *o, const char *value,
		      const char *typed)
{
	const char *command = r->usage->command;

	if (!o->value && value)
		return print_usage_error(command, "%s: this option takes no value", typed);
	if (o->value && !value) {
		if (r->at == r->argc)
			return print_usage_error(command, "%s: this option needs a value", typed);
		value = r->argv[r->at++];
		if (is_option(r->usage, value))
			return print_usage_error(
				command,
				"%s: this option needs a value, but %s is an option (to use it as "
				"the value: --%s=%s)",
				typed, value, o->name, value);
	}
	if (value && !*value && !o->may_be_empty)
		return print_usage_error(command, "%s: the value is empty", typed);
	r->help = r->help || strcmp(o->name, "help") == 0;
	r->line.options[r->line.n_options++] = (struct option_given){ o, value };
	return EXIT_OK;
}

static int read_long(struct reader *r, const char *word)
{
	const char *equals = strchr(word, '=');
	_cleanup_free_ char *typed = strndup(word, strcspn(word, "="));
	const struct option_spec *o = typed ? find_long(r->usage, typed + 2) : NULL;

	return o ? add_option(r, o, equals ? equals + 1 : NULL, typed) : EXIT_USAGE;
}

/* Letters in one word; the first that takes a value takes the rest. */
static int read_letters(struct reader *r, const char *word)
{
	const struct option_spec *o;
	const char *whole = word;
	char typed[3] = "-";
	int result = EXIT_OK;

	if (word[2] && option_find(r->usage, word + 1))
		return print_usage_error(r->usage->command, "%s: unknown option; did you mean -%s?",
					 word, word);
	for (word++; result == EXIT_OK && *word; word++) {
		typed[1] = *word;
		o = find_letter(r->usage, *word);
		if (!o)
			return print_usage_error(r->usage->command, "%s: unknown option",
						 (unsigned char)*word < 0x80 ? typed : whole);
		if (o->value)
			return add_option(r, o, word[1] ? word + 1 : NULL, typed);
		result = add_option(r, o, NULL, typed);
	}
	return result;
}

static int read_words(struct reader *r)
{
	struct command_line *line = &r->line;
	bool only_arguments = false;
	int result = EXIT_OK;
	char *word;

	line->n_before = SIZE_MAX;
	while (result == EXIT_OK && !r->help && r->at < r->argc) {
		word = r->argv[r->at++];
		if (!only_arguments && strcmp(word, "--") == 0) {
			only_arguments = true;
			line->n_before = line->n_arguments;
		} else if (!only_arguments && strncmp(word, "--", 2) == 0)
			result = read_long(r, word);
		else if (!only_arguments && word[0] == '-' && word[1])
			result = read_letters(r, word);
		else if (!*word)
			result = print_usage_error(r->usage->command, "an argument is empty");
		else /* what is behind is not read yet: there is room before it */
			line->arguments[line->n_arguments++] = word;
	}
	line->n_before = line->n_before < line->n_arguments ? line->n_before : line->n_arguments;
	return result;
}

int options_read(const struct command_usage *u, int argc, char **argv, struct command_line *ret)
{
	struct reader r = { .usage = u, .argv = argv, .argc = argc, .at = 1 };
	size_t room = 1; /* no option has less than a byte of a word */
	int result;

	if (argc == 2 && strcmp(argv[1], "--list-options") == 0) {
		options_print_list(u);
		return EXIT_OK;
	}
	for (int i = 1; i < argc; i++)
		room += strlen(argv[i]);
	r.line.options = calloc(room, sizeof(*r.line.options));
	r.line.arguments = argv + 1;
	if (!r.line.options)
		return print_usage_error(u->command, "out of memory");
	result = read_words(&r);
	if (result == EXIT_OK && !r.help) {
		*ret = r.line;
		return -1;
	}
	free(r.line.options);
	if (result == EXIT_OK)
		options_print_help(u);
	return result;
}

int options_expect(const char *command, const char *what, size_t wanted, size_t got)
{
	if (got == wanted)
		return EXIT_OK;
	return got == 0 ? print_usage_error(command, "expected %s, got none", what)
			: print_usage_error(command, "expected %s, got %zu", what, got);
}

/* ---- values ---- */

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (; *words; words += strcspn(words, " "), words += *words == ' ')
		if (strncmp(words, word, n) == 0 && (!words[n] || words[n] == ' '))
			return true;
	return false;
}

int option_number(const char *command, const char *option, const char *text, long least, long most,
		  long *ret)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || !strchr("-0123456789", *text) || end == text || *end || n < least || n > most)
		return print_usage_error(command, "%s %s: it must be a number from %ld to %ld",
					 option, text, least, most);
	*ret = n;
	return EXIT_OK;
}

int option_set(const char *command, const struct option_spec *o, const char *value,
	       const char *typed)
{
	char words[256];

	if (o->words && !has_word(o->words, value)) {
		list_words(o->words, words);
		return print_usage_error(command, "%s %s: it must be %s", typed, value, words);
	}
	if (o->number)
		return option_number(command, typed, value, o->least, o->most, o->number);
	if (o->flag)
		*o->flag = true;
	if (o->text)
		*o->text = value;
	return o->set ? o->set(command, value, typed) : EXIT_OK;
}

int options_parse(const struct command_usage *u, int argc, char **argv, struct command_line *ret)
{
	int r = options_read(u, argc, argv, ret);
	char typed[64];

	if (r >= 0)
		return r;
	for (size_t i = 0; r != EXIT_USAGE && i < ret->n_options; i++) {
		snprintf(typed, sizeof(typed), "--%s", ret->options[i].option->name);
		if (option_set(u->command, ret->options[i].option, ret->options[i].value, typed) !=
		    EXIT_OK)
			r = EXIT_USAGE;
	}
	free(ret->options);
	ret->options = NULL;
	return r;
}
