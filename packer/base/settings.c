/* The text is cut in place. */
#include "base/settings.h"

#include <errno.h>
#include <string.h>

#include "base/read_all.h"

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
		return "the closing quote is missing";
	rest = end + 1;
	*find_comment(NULL, rest) = '\0';
	if (*trim(rest))
		return "there is text after the closing quote";
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
			ret->wrong = "there is no =";
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
		ret->wrong = "there is no name before the =";
}

int settings_open(const char *path, struct settings *ret, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(path, &text, &size);

	if (r < 0)
		return fail_errno(f, r, path, "cannot read it");
	if (strlen(text) < size)
		return fail_set(f, EINVAL, path, "Give a text file.",
				"it is not a text file: it contains a zero byte");
	*ret = (struct settings){ .text = text, .whole = text };
	text = NULL;
	return 0;
}

void settings_close(struct settings *s)
{
	free(s->whole);
	*s = (struct settings){ 0 };
}

char *settings_next_line(struct settings *s)
{
	while (*s->text) {
		char *line = s->text, *end = line + strcspn(line, "\n");

		s->text = *end ? end + 1 : end;
		*end = '\0';
		s->line++;
		line = trim(line);
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

bool settings_next(struct settings *s, struct setting *ret)
{
	char *line = settings_next_line(s);

	*ret = (struct setting){ .line = s->line };
	if (line)
		read_line(line, ret);
	return line;
}

int setting_fail(struct fail *f, const char *path, const struct setting *line, const char *why)
{
	return fail_set(f, EINVAL, path, "Correct that line.", "line %u: %s: %s", line->line,
			line->name, why);
}

/* Would a value without quotes be read as another one? */
static bool needs_quotes(const char *value)
{
	size_t n = strlen(value);

	return n > 0 && (is_blank(value[0]) || is_blank(value[n - 1]) || *value == '"' ||
			 *value == '\'' || strchr(value, '#'));
}

bool setting_can_hold(const char *value)
{
	return !strchr(value, '\n') &&
	       !(needs_quotes(value) && strchr(value, '"') && strchr(value, '\''));
}

void setting_print(FILE *out, const char *name, const char *value)
{
	const char *quote = !needs_quotes(value) ? "" : strchr(value, '"') ? "'" : "\"";

	fprintf(out, "%s = %s%s%s\n", name, quote, value, quote);
}
