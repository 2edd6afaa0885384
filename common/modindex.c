/* Lines of words. Whatever is no line that it knows is passed over. */
#include "modindex.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 512
#define BLANKS " \t\r\n"

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

/* The same for lines "KEYWORD MODULE ..." about one module: what follows its name. */
static const char *next_entry_of(const char **line, const char *keyword, const char *name)
{
	const char *at, *word;

	while ((at = next_entry(line, keyword)))
		if (next_word(&at, &word) && is_module(word, name))
			return at;
	return NULL;
}

static bool is_in_list(const char *list, const char *name)
{
	char word[MODULE_NAME_MAX];
	size_t n;

	for (; *list && !strchr(BLANKS, *list); list += n + (list[n] == ',')) {
		n = strcspn(list, "," BLANKS);
		if (n < sizeof(word)) {
			memcpy(word, list, n);
			word[n] = '\0';
			if (is_module(word, name))
				return true;
		}
	}
	return false;
}

static bool is_blacklisted(const struct modindex *m, const char *name)
{
	static const char parameter[] = "modprobe.blacklist=";
	const char *at = m->cmdline, *line = m->config, *word;

	if (next_entry_of(&line, "blacklist", name))
		return true;
	while (next_word(&at, &word))
		if (strncmp(word, parameter, sizeof(parameter) - 1) == 0 &&
		    is_in_list(word + sizeof(parameter) - 1, name))
			return true;
	return false;
}

/* The text before the first wildcard decides nearly always, and fnmatch is slow. */
static bool fits(const char *pattern, size_t n, const char *modalias)
{
	size_t plain = strcspn(pattern, "*?[\\ \t\n");
	char text[WORD_MAX];

	if (n >= sizeof(text) || strncmp(pattern, modalias, plain < n ? plain : n) != 0)
		return false;
	memcpy(text, pattern, n);
	text[n] = '\0';
	return fnmatch(text, modalias, 0) == 0;
}

static void match_in(const struct modindex *m, const char *line, const char *modalias,
		     void (*found)(const char *name, void *arg), void *arg)
{
	char name[MODULE_NAME_MAX];
	const char *at, *word, *pattern;
	size_t n;

	while ((at = next_entry(&line, "alias"))) {
		n = next_word(&at, &pattern);
		if (n > 0 && fits(pattern, n, modalias) && next_word(&at, &word) &&
		    modindex_name(word, name) && !is_blacklisted(m, name))
			found(name, arg);
	}
}

void modindex_match(const struct modindex *m, const char *modalias,
		    void (*found)(const char *name, void *arg), void *arg)
{
	match_in(m, m->config, modalias, found, arg);
	match_in(m, m->alias, modalias, found, arg);
}

const char *modindex_dependencies(const struct modindex *m, const char *name)
{
	for (const char *line = m->dep; *line; line = next_line(line))
		if (is_module(line, name))
			return line;
	return NULL;
}

void modindex_soft(const struct modindex *m, const char *name, bool after,
		   void (*found)(const char *name, void *arg), void *arg)
{
	const char *at, *line = m->config, *word;
	char other[MODULE_NAME_MAX];
	bool is_wanted;
	size_t n;

	while ((at = next_entry_of(&line, "softdep", name))) {
		is_wanted = false;
		while ((n = next_word(&at, &word)) > 0) {
			if (word[n - 1] == ':')
				is_wanted = is_word(word, n, after ? "post:" : "pre:");
			else if (is_wanted && modindex_name(word, other))
				found(other, arg);
		}
	}
}

/* Adds n bytes and a blank before them. */
static void append(char *ret, size_t size, size_t *used, const char *text, size_t n)
{
	if (*used + n + 2 > size)
		return;
	if (*used)
		ret[(*used)++] = ' ';
	memcpy(ret + *used, text, n);
	*used += n;
	ret[*used] = '\0';
}

size_t modindex_options(const struct modindex *m, const char *name, char *ret, size_t size)
{
	const char *at, *line = m->config, *word, *dot;
	size_t used = 0, n;

	if (size > 0)
		*ret = '\0';
	while ((at = next_entry_of(&line, "options", name)))
		while ((n = next_word(&at, &word)) > 0)
			append(ret, size, &used, word, n);
	for (at = m->cmdline; (n = next_word(&at, &word)) > 0;) {
		dot = memchr(word, '.', n);
		if (dot && is_module(word, name))
			append(ret, size, &used, dot + 1, n - (size_t)(dot + 1 - word));
	}
	return used;
}
