/* Cut in place. */
#include "settings.h"

#include <string.h>

static const char blanks[] = " \t\r";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Without blanks at both ends. */
static char *trim(char *text)
{
	char *end;

	text += strspn(text, blanks);
	end = text + strlen(text);
	while (end > text && is_blank(end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* Where a comment begins, or the end. start: of the line. */
static char *find_comment(const char *start, char *at)
{
	for (; *at; at++)
		if (*at == '#' && (at == start || is_blank(at[-1])))
			break;
	return at;
}

/* Takes the quotes off a value. Returns NULL, or what is wrong. */
static const char *unquote(char **value)
{
	char *end = strchr(*value + 1, **value), *rest;

	if (!end)
		return "its quote is not closed";
	rest = end + 1;
	*find_comment(NULL, rest) = '\0';
	if (*trim(rest))
		return "something stands behind the quotes";
	*end = '\0';
	++*value;
	return NULL;
}

static void read_line(char *line, struct setting *ret)
{
	char *equals = strchr(line, '='), *comment = find_comment(line, line), *value;

	if (!equals || comment < equals) {
		*comment = '\0';
		ret->name = trim(line);
		ret->value = NULL;
		if (ret->name[strcspn(ret->name, blanks)])
			ret->wrong = "there is no = in it";
		return;
	}
	*equals = '\0';
	ret->name = trim(line);
	value = equals + 1 + strspn(equals + 1, blanks);
	if (*value == '"' || *value == '\'') {
		ret->wrong = unquote(&value);
		ret->value = value;
	} else {
		*find_comment(NULL, value) = '\0';
		ret->value = trim(value);
	}
	if (!*ret->name)
		ret->wrong = "there is no name before its =";
}

bool settings_next(struct settings *s, struct setting *ret)
{
	while (*s->text) {
		char *line = s->text, *end = line + strcspn(line, "\n");

		s->text = *end ? end + 1 : end;
		*end = '\0';
		*ret = (struct setting){ .line = ++s->line };
		line += strspn(line, blanks);
		if (!*line || *line == '#')
			continue;
		read_line(line, ret);
		return true;
	}
	return false;
}

void setting_print(FILE *out, const char *name, const char *value)
{
	size_t n = strlen(value);
	bool needs_quotes = strpbrk(value, "\"'#") ||
			    (n > 0 && (is_blank(value[0]) || is_blank(value[n - 1])));
	const char *quote = !needs_quotes ? "" : strchr(value, '"') ? "'" : "\"";

	fprintf(out, "%s = %s%s%s\n", name, quote, value, quote);
}
