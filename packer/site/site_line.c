/* The line is split at every blank, even inside quotes, because iPXE knows no quotes. init does know them, and may take a
 * word tarboot.layer= for a part of another value: so iPXE replaces no variables but these, by texts without blanks. */
#include "site/site_line.h"

#include <string.h>

#include "base/cmdline.h"
#include "base/net_text.h"
#include "base/util.h"
#include "parameters/layer_param.h"

#define LAYER "tarboot.layer="
#define DHCP "ip=dhcp"

/* netX is the card that iPXE boots from. A serial number may have blanks, and a name from DHCP whatever its server likes. */
static const struct {
	const char *of_layer, *of_ipxe;
} variables[] = {
	{ "${mac}", "${netX/mac}" },
	{ "${ip}", "${netX/ip}" },
	{ "${hostname}", SITE_LINE_HOSTNAME },
	{ "${uuid}", "${uuid}" },
	{ "${serial}", "${serial:uristring}" },
};

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* The number of the variable with which the text begins; that of all: there is none. */
static size_t find_variable(const char *text)
{
	size_t v = 0;

	while (v < ARRAY_SIZE(variables) && !starts_with(text, variables[v].of_layer))
		v++;
	return v;
}

/* The next word: its length, and in *at where it begins. 0: there is none. */
static size_t next_word(const char **at)
{
	*at += strspn(*at, " ");
	return strcspn(*at, " ");
}

bool site_line_is_plain(const char *line)
{
	_cleanup_free_ char *copy = strdup(line);
	const char *at = copy;
	size_t n;

	for (; copy && (n = next_word(&at)) > 0; at += n)
		for (size_t i = 0; starts_with(at, LAYER) && i < n; i++)
			if (find_variable(at + i) < ARRAY_SIZE(variables))
				copy[at - copy + (ptrdiff_t)i] = '_';
	return copy && text_is_plain(copy);
}

bool site_line_has_open_quote(const char *line)
{
	bool in_quotes = false;

	for (const char *at = line; *at; at++)
		in_quotes ^= *at == '"';
	return in_quotes;
}

bool site_line_has_blanks_in_quotes(const char *line)
{
	bool in_quotes = false;

	for (const char *at = line; *at; at++) {
		in_quotes ^= *at == '"';
		if (in_quotes && at[0] == ' ' && at[1] == ' ')
			return true;
	}
	return false;
}

char *site_line_with(const char *line, const char *words)
{
	const char *at = line, *behind = line;
	struct cmdline_param p;
	char *ret;

	while (cmdline_next(&at, &p))
		behind = at;
	if (!*words)
		return strdup(line);
	return asprintf(&ret, "%.*s%s%s%s%s", (int)(behind - line), line, behind > line ? " " : "",
			words, *behind == '-' ? " " : "", behind) < 0
		       ? NULL
		       : ret;
}

size_t site_line_longest(const char *line)
{
	size_t size = strlen(line);

	for (const char *at = line; (at = strstr(at, "${")); at += 2)
		size += LAYER_VALUE_MAX;
	return size;
}

static void print_layer(FILE *out, const char *word, size_t n)
{
	for (size_t i = 0, v; i < n; i++) {
		v = find_variable(word + i);
		if (v < ARRAY_SIZE(variables)) {
			fputs(variables[v].of_ipxe, out);
			i += strlen(variables[v].of_layer) - 1;
		} else {
			fputc(word[i], out);
		}
	}
}

void site_line_print(FILE *out, const char *line, bool has_names)
{
	const char *at = line, *before = line;
	size_t n;

	for (; (n = next_word(&at)) > 0; before = at += n) {
		fprintf(out, "%.*s", (int)(at - before), before);
		if (starts_with(at, LAYER))
			print_layer(out, at, n);
		else if (has_names && n == strlen(DHCP) && starts_with(at, DHCP))
			fputs("ip=::::" SITE_LINE_HOSTNAME "::dhcp", out);
		else
			fprintf(out, "%.*s", (int)n, at);
	}
	fputs(before, out);
}
