/* Lines of words. Whatever is no line that it knows is passed over. */
#include "modules/modindex.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmdline.h"

#define WORD_MAX 512
#define MODALIAS_MAX 2048 /* no uevent is longer */
#define BLANKS " \t\r\n"

size_t modindex_join_lines(char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\' && (i + 1 == size || text[++i] == '\n'))
			continue;
		text[used++] = text[i] ? text[i] : '\n';
	}
	return used;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

/* The next word at or behind *at, on the same line; its length, 0 at the end of the line. */
static size_t next_word(const char **at, const char **word)
{
	*at += strspn(*at, " \t\r");
	*word = *at;
	*at += strcspn(*at, BLANKS);
	return (size_t)(*at - *word);
}

static bool is_word(const char *word, size_t n, const char *expected)
{
	return strlen(expected) == n && memcmp(word, expected, n) == 0;
}

bool modindex_name(const char *path, char ret[MODULE_NAME_MAX])
{
	size_t n = strcspn(path, ":" BLANKS), start = n, used = 0;

	while (start > 0 && path[start - 1] != '/')
		start--;
	while (start < n && path[start] != '.') {
		if (used == MODULE_NAME_MAX - 1)
			return false;
		ret[used++] = path[start] == '-' ? '_' : path[start];
		start++;
	}
	ret[used] = '\0';
	return used > 0;
}

static bool is_module(const char *word, const char *name)
{
	char other[MODULE_NAME_MAX];

	return modindex_name(word, other) && strcmp(other, name) == 0;
}

/* Copies n bytes, with _ for each - outside of sets of characters; false: there is no room for them and a NUL. */
static bool copy_plain(const char *text, size_t n, char *ret, size_t size)
{
	bool in_set = false;

	if (n >= size)
		return false;
	for (size_t i = 0; i < n; i++) {
		in_set = text[i] == '[' || (in_set && text[i] != ']');
		ret[i] = text[i] == '-' && !in_set ? '_' : text[i];
	}
	ret[n] = '\0';
	return true;
}

/* The bytes before the first wildcard decide nearly always, and fnmatch is slow. plain_text has _ only. */
static bool fits(const char *pattern, size_t n, const char *plain_text)
{
	char plain[WORD_MAX];
	size_t i = 0;

	while (i < n && !strchr("*?[\\", pattern[i])) {
		if ((pattern[i] == '-' ? '_' : pattern[i]) != plain_text[i])
			return false;
		i++;
	}
	return copy_plain(pattern, n, plain, sizeof(plain)) && fnmatch(plain, plain_text, 0) == 0;
}

/* What follows keyword on the next line, at or behind *line, that begins with it; NULL: there is none.
 * *line becomes the line after that. */
static const char *next_entry(const char **line, const char *keyword)
{
	const char *at, *word;
	size_t n;

	while (**line) {
		at = *line;
		*line = next_line(at);
		n = next_word(&at, &word);
		if (is_word(word, n, keyword))
			return at;
	}
	return NULL;
}

/* The same for lines "KEYWORD MODULE ..." about one module: what follows its name, which may have wildcards. */
static const char *next_entry_of(const char **line, const char *keyword, const char *name)
{
	const char *at, *word;
	size_t n;

	while ((at = next_entry(line, keyword)))
		if ((n = next_word(&at, &word)) > 0 && fits(word, n, name))
			return at;
	return NULL;
}

/* ---- the kernel command line ---- */

/* Is the word, of n bytes and not terminated, the name of this module? */
static bool is_word_of(const char *word, size_t n, const char *name)
{
	char copy[MODULE_NAME_MAX];

	return copy_plain(word, n, copy, sizeof(copy)) && is_module(copy, name);
}

static bool is_in_list(const char *list, size_t size, const char *name)
{
	const char *end = list + size, *comma;

	for (; list < end; list = comma + 1) {
		comma = memchr(list, ',', (size_t)(end - list));
		if (!comma)
			comma = end;
		if (is_word_of(list, (size_t)(comma - list), name))
			return true;
	}
	return false;
}

/* Is the module in a list A,B of the parameter key? */
static bool is_listed(const struct modindex *m, const char *key, const char *name)
{
	const char *at = m->cmdline;
	struct cmdline_param p;

	while (cmdline_next(&at, &p))
		if (p.value && is_word(p.name, p.name_size, key) &&
		    is_in_list(p.value, p.value_size, name))
			return true;
	return false;
}

/* Bytes of the module's name in MODULE.OPTION; 0: it is something else. */
static size_t module_part(const struct cmdline_param *p)
{
	size_t n = 0;

	while (n < p->name_size &&
	       (isalnum((unsigned char)p->name[n]) || p->name[n] == '_' || p->name[n] == '-'))
		n++;
	if (n + 1 >= p->name_size || p->name[n] != '.' ||
	    memchr(p->name + n + 1, '.', p->name_size - n - 1))
		return 0;
	return n;
}

/* ---- what may be loaded ---- */

static bool is_blacklisted(const struct modindex *m, const char *name)
{
	const char *line = m->config, *at, *word;

	while ((at = next_entry(&line, "blacklist")))
		if (next_word(&at, &word) > 0 && is_module(word, name))
			return true;
	return is_listed(m, "modprobe.blacklist", name) || modindex_is_forbidden(m, name);
}

/* The first command wins, as for modprobe. */
static const char *find_command(const struct modindex *m, const char *name)
{
	const char *line = m->config, *at = next_entry_of(&line, "install", name), *word;

	return at && next_word(&at, &word) > 0 ? word : NULL;
}

/* Where the name of the program in a command begins, of *ret_n bytes: in "/bin/true", "false;" and the like. */
static const char *program_of(const char *command, size_t *ret_n)
{
	size_t n = strcspn(command, "; \t\r\n"), start = n;

	while (start > 0 && command[start - 1] != '/')
		start--;
	*ret_n = n - start;
	return command + start;
}

static bool does_nothing(const char *command)
{
	size_t n;
	const char *program = program_of(command, &n);

	return is_word(program, n, "true") || is_word(program, n, "false");
}

bool modindex_is_forbidden(const struct modindex *m, const char *name)
{
	const char *command = find_command(m, name);

	return (command && does_nothing(command)) || is_listed(m, "module_blacklist", name);
}

const char *modindex_install_command(const struct modindex *m, const char *name)
{
	const char *line = m->config;

	return next_entry_of(&line, "softdep", name) ? NULL : find_command(m, name);
}

bool modindex_command_loads(const char *command, const char *name)
{
	bool ignores = false;
	const char *word;
	size_t n, length;

	word = program_of(command, &n);
	if (!is_word(word, n, "modprobe"))
		return false;
	command = word + n;
	while ((n = next_word(&command, &word)) > 0 && *word == '-')
		ignores = ignores || is_word(word, n, "-i") || is_word(word, n, "--ignore-install");
	length = strcspn(word, ";&|" BLANKS);
	return ignores && is_word_of(word, length, name);
}

/* ---- aliases ---- */

/* Calls found for each module that an alias in these lines names. True when any alias fits, though its module may be
 * blacklisted. */
static bool match_in(const struct modindex *m, const char *line, const char *plain_alias,
		     void (*found)(const char *name, void *arg), void *arg)
{
	char name[MODULE_NAME_MAX];
	const char *at, *word, *pattern;
	bool fits_any = false;
	size_t n;

	while ((at = next_entry(&line, "alias"))) {
		n = next_word(&at, &pattern);
		if (n == 0 || !fits(pattern, n, plain_alias) || next_word(&at, &word) == 0)
			continue;
		fits_any = true;
		if (modindex_name(word, name) && !is_blacklisted(m, name))
			found(name, arg);
	}
	return fits_any;
}

void modindex_match(const struct modindex *m, const char *modalias,
		    void (*found)(const char *name, void *arg), void *arg)
{
	char plain[MODALIAS_MAX];

	if (!copy_plain(modalias, strlen(modalias), plain, sizeof(plain)))
		return;
	if (!match_in(m, m->config, plain, found, arg))
		(void)match_in(m, m->alias, plain, found, arg);
}

/* ---- dependencies ---- */

const char *modindex_dependencies(const struct modindex *m, const char *name)
{
	for (const char *line = m->dep; *line; line = next_line(line))
		if (is_module(line, name))
			return line;
	return NULL;
}

bool modindex_is_in_net(const char *line)
{
	static const char net[] = "/drivers/net/";

	return memmem(line, strcspn(line, ":\n"), net, sizeof(net) - 1) != NULL;
}

bool modindex_is_foreign(const char *line)
{
	return strncmp(line, "kernel/", 7) != 0;
}

void modindex_tied(const struct modindex *m, const char *name, enum modindex_tie tie,
		   void (*found)(const char *name, void *arg), void *arg)
{
	const char *at, *line = m->config, *word;
	bool is_wanted, is_weak = tie == MODINDEX_WEAK;
	char other[MODULE_NAME_MAX];
	size_t n;

	while ((at = next_entry_of(&line, is_weak ? "weakdep" : "softdep", name))) {
		is_wanted = is_weak;
		while ((n = next_word(&at, &word)) > 0) {
			if (!is_weak && word[n - 1] == ':')
				is_wanted = is_word(word, n,
						    tie == MODINDEX_AFTER ? "post:" : "pre:");
			else if (is_wanted && modindex_name(word, other))
				found(other, arg);
		}
	}
}

/* ---- options ---- */

/* The value is quoted again where the kernel would find blanks in it. */
static void write_param(FILE *out, const struct cmdline_param *p, size_t module)
{
	size_t n = p->name_size - module - 1;
	bool has_blanks = false, has_quote = false;

	for (size_t i = 0; p->value && i < p->value_size; i++) {
		has_blanks = has_blanks || isspace((unsigned char)p->value[i]);
		has_quote = has_quote || p->value[i] == '"';
	}
	fprintf(out, "%.*s", (int)n, p->name + module + 1);
	if (p->value)
		fprintf(out, has_blanks && !has_quote ? "=\"%.*s\"" : "=%.*s", (int)p->value_size,
			p->value);
}

static void write_options(FILE *out, const struct modindex *m, const char *name)
{
	const char *at, *line = m->config, *word, *blank = "";
	struct cmdline_param p;
	size_t n;

	while ((at = next_entry(&line, "options"))) {
		if (next_word(&at, &word) == 0 || !is_module(word, name))
			continue;
		at += strspn(at, " \t");
		n = strcspn(at, "\n");
		while (n > 0 && strchr(BLANKS, at[n - 1]))
			n--;
		if (n > 0) {
			fprintf(out, "%s%.*s", blank, (int)n, at);
			blank = " ";
		}
	}
	for (at = m->cmdline; cmdline_next(&at, &p);) {
		n = module_part(&p);
		word = p.name;
		if (n == 0 || !is_word_of(word, n, name))
			continue;
		fputs(blank, out);
		blank = " ";
		write_param(out, &p, n);
	}
}

char *modindex_options(const struct modindex *m, const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_options(out, m, name);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
