#include "site/hosts_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define LINE_MAX_BYTES (PATH_MAX + 512)
#define COLUMNS 5

enum column { MAC, ADDRESS, NAME, ENTRY, LAYER };

/* A line in parts. */
struct columns {
	char text[LINE_MAX_BYTES];
	char separator; /* a comma, or the semicolon of spreadsheets where that is the decimal sign */
	char *is[COLUMNS]; /* "" where there is none */
	size_t n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && is_blank(end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

/* ---- columns ---- */

/* Takes the quotes off; two stand for one. Returns what is behind, NULL if the closing one is missing. */
static char *unquote(char *at, char **ret)
{
	char *to = at;

	*ret = at;
	for (at++; *at; at++) {
		if (*at == '"' && at[1] != '"') {
			*to = '\0';
			return at + 1;
		}
		at += *at == '"';
		*to++ = *at;
	}
	return NULL;
}

/* Where the value that begins at *value ends: at a separator or the end of the line. NULL: its quotes do not match. */
static char *end_of(char **value, char separator)
{
	char *end;

	if (**value != '"')
		return *value + strcspn(*value, (const char[]){ separator, '\0' });
	end = unquote(*value, value);
	if (!end)
		return NULL;
	end += strspn(end, " \t");
	return *end == separator || !*end ? end : NULL;
}

static const char *split(struct columns *c)
{
	char *at = c->text, *value, *end;

	for (c->n = 0; at; c->n++) {
		if (c->n == COLUMNS)
			return "it has more than five columns";
		value = at + strspn(at, " \t");
		end = end_of(&value, c->separator);
		if (!end)
			return "its quotes do not match";
		at = *end ? end + 1 : NULL;
		*end = '\0';
		c->is[c->n] = trim(value);
	}
	return NULL;
}

/* As ethers(5) has it: a name, or here an address, or both; then perhaps a comment. */
static const char *split_blanks(struct columns *c)
{
	static const char blanks[] = " \t";
	char *at = c->text + strspn(c->text, blanks), *words[4] = { at };
	size_t n = 0;
	uint32_t unused;

	for (; *at && *at != '#' && n < ARRAY_SIZE(words); at += strspn(at, blanks)) {
		words[n++] = at;
		at += strcspn(at, blanks);
		if (*at)
			*at++ = '\0';
	}
	if (n > 3 || (n == 3 && !ipv4_parse(words[1], &unused)))
		return "after the MAC address and blanks there is a name, an address, or an "
		       "address and a name; more columns need commas";
	c->is[MAC] = words[0];
	if (n > 1)
		c->is[ipv4_parse(words[1], &unused) ? ADDRESS : NAME] = words[1];
	if (n > 2)
		c->is[NAME] = words[2];
	c->n = n;
	return NULL;
}

/* ---- values ---- */

/* In ethers(5) an octet may have one digit. */
static bool read_mac(const char *text, char ret[MAC_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdefABCDEF";
	char padded[MAC_TEXT_MAX + 3];
	size_t used = 0, n;

	for (; used < MAC_TEXT_MAX; text += n + 1) {
		n = strspn(text, digits);
		if (n < 1 || n > 2)
			return false;
		used += (size_t)snprintf(padded + used, sizeof(padded) - used, "%s%.*s%.1s",
					 n == 1 ? "0" : "", (int)n, text, text + n);
		if (!text[n])
			break;
	}
	return used == MAC_TEXT_MAX - 1 && mac_parse(padded, used, ':', ret);
}

/* DHCP has an option of its own for it. */
static void cut_domain(char *name)
{
	if (*name)
		name[1 + strcspn(name + 1, ".")] = '\0';
}

static const char *read_name(char ret[HOSTS_NAME_MAX], const char *text,
			     bool (*is_plain)(const char *name), const char *wrong)
{
	if (*text && !is_plain(text))
		return wrong;
	snprintf(ret, HOSTS_NAME_MAX, "%s", text);
	return NULL;
}

static const char *read_columns(const struct columns *c, struct hosts_machine *ret)
{
	const char *wrong;

	*ret = (struct hosts_machine){ 0 };
	if (!read_mac(c->is[MAC], ret->mac))
		return "it must begin with a MAC address, for example 52:54:00:12:34:56";
	if (*c->is[ADDRESS] && !ipv4_parse(c->is[ADDRESS], &ret->address))
		return "its second column must be an IPv4 address, or empty";
	cut_domain(c->is[NAME]);
	wrong = read_name(ret->name, c->is[NAME], host_name_is_plain,
			  "a machine's name has letters, digits and inner -, at most 32, and is no "
			  "number or time, as 7 or 12h");
	if (!wrong)
		wrong = read_name(ret->entry, c->is[ENTRY], name_is_plain,
				  "its fourth column must be an entry of the menu, or empty");
	if (!wrong && strlen(c->is[LAYER]) >= sizeof(ret->layer))
		wrong = "its path is too long";
	if (!wrong)
		strcpy(ret->layer, c->is[LAYER]);
	return wrong;
}

/* ---- lines ---- */

/* A comment may have one, too. */
static char find_separator(const char *text)
{
	size_t n = strcspn(text, "#");

	return memchr(text, ',', n) ? ',' : memchr(text, ';', n) ? ';' : '\0';
}

/* Copies the next line, without what ends it. False: it is too long. */
static bool next_line(struct hosts_file *h, struct columns *ret)
{
	static const char mark[] = "\xef\xbb\xbf"; /* before the text, by some spreadsheets */
	size_t length, kept;

	if (h->line == 0 && strncmp(h->at, mark, strlen(mark)) == 0)
		h->at += strlen(mark);
	length = kept = strcspn(h->at, "\r\n"); /* of any system */

	while (kept > 0 && is_blank(h->at[kept - 1]))
		kept--;
	h->line++;
	if (kept < sizeof(ret->text))
		memcpy(ret->text, h->at, kept);
	ret->text[kept < sizeof(ret->text) ? kept : 0] = '\0';
	h->at += length;
	if (*h->at)
		h->at += *h->at == '\r' && h->at[1] == '\n' ? 2 : 1;
	ret->separator = find_separator(ret->text);
	return kept < sizeof(ret->text);
}

/* A comment, a row without values, or before all others one that names the columns: "mac", "MAC address". */
static bool is_nothing(const struct columns *c, bool is_first)
{
	const char *text = c->text + strspn(c->text, " \t,;\"");

	return !*text || *text == '#' || (is_first && strncasecmp(text, "mac", 3) == 0);
}

int hosts_next(struct hosts_file *h, struct hosts_machine *ret, const char **ret_wrong)
{
	static char none[] = "";
	struct columns c;

	*ret_wrong = NULL;
	while (*h->at && !*ret_wrong) {
		for (size_t i = 0; i < COLUMNS; i++)
			c.is[i] = none;
		if (!next_line(h, &c))
			*ret_wrong = "it is too long";
		else if (is_nothing(&c, !h->has_begun))
			continue;
		else
			*ret_wrong = c.separator ? split(&c) : split_blanks(&c);
		h->has_begun = true;
		if (!*ret_wrong)
			*ret_wrong = read_columns(&c, ret);
		return *ret_wrong ? -EINVAL : 1;
	}
	return 0;
}
