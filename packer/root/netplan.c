/* The keys of all mappings, one after the other, with their depth; then what they mean. */
#include "root/netplan.h"

#include <string.h>

#include "root/network_stanza.h"

/* ---- YAML ---- */

/* A key of a mapping, or an item of a list. */
struct entry {
	size_t depth; /* deeper than that of what it stands in */
	bool is_item;
	struct field key, value; /* value: empty if it is a mapping */
};

struct yaml {
	const char *at, *end;
	size_t indent; /* of the line in which the outermost brace is */
	size_t braces; /* that are open */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *end_of_line(const struct yaml *y)
{
	const char *newline = memchr(y->at, '\n', (size_t)(y->end - y->at));

	return newline ? newline : y->end;
}

/* The first of these characters that is not in quotes, or the end. */
static const char *find(const char *at, const char *end, const char *characters)
{
	char quote = '\0';

	for (; at < end; at++) {
		if (quote)
			quote = *at == quote ? '\0' : quote;
		else if (strchr(characters, *at) && *at)
			break;
		else if (*at == '"' || *at == '\'')
			quote = *at;
	}
	return at;
}

/* Behind a list in brackets, or what is in one, that begins there. */
static const char *skip_list(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		depth += *at == '[' || *at == '{';
		depth -= *at == ']' || *at == '}';
		at++;
		if (depth == 0)
			break;
		at = find(at, end, "[]{}");
	}
	return at;
}

/* ---- in braces ---- */

static void skip_to_key(struct yaml *y)
{
	while (y->at < y->end && (is_blank(*y->at) || *y->at == '\n' || strchr(",{#", *y->at))) {
		y->braces += *y->at == '{';
		y->at = *y->at == '#' ? end_of_line(y) : y->at + 1;
	}
}

/* The value of a key in braces. */
static struct field read_value_in_braces(struct yaml *y)
{
	const char *start, *end;

	while (y->at < y->end && (is_blank(*y->at) || *y->at == '\n'))
		y->at++;
	start = y->at;
	if (y->at < y->end && *y->at == '{')
		return (struct field){ start, 0 };
	end = y->at < y->end && *y->at == '[' ? skip_list(start, y->end)
					      : find(start, y->end, ",}\n");
	y->at = end;
	return field_unquote(start, end);
}

/* False: there is none, the brace is closed. */
static bool next_in_braces(struct yaml *y, struct entry *ret)
{
	const char *end;

	skip_to_key(y);
	if (y->at == y->end)
		return false;
	if (*y->at == '}') {
		y->at++;
		y->braces--;
		return false;
	}
	end = find(y->at, y->end, ":,}");
	*ret = (struct entry){ .depth = y->indent + y->braces, .key = field_unquote(y->at, end) };
	y->at = end;
	if (end < y->end && *end == ':') {
		y->at++;
		ret->value = read_value_in_braces(y);
	}
	return true;
}

/* ---- in lines ---- */

/* What stands in a line behind its blanks; a brace is left to next_in_braces(). False: no key, and no item. */
static bool next_in_line(struct yaml *y, struct entry *ret)
{
	const char *line = y->at, *end = end_of_line(y), *at = line, *colon;

	while (at < end && *at == ' ')
		at++;
	*ret = (struct entry){ .depth = (size_t)(at - line) };
	y->indent = ret->depth;
	y->at = end < y->end ? end + 1 : end;
	if (at == end || strchr("#;", *at))
		return false;
	if (*at == '{') {
		y->at = at;
		y->braces = 0;
		skip_to_key(y);
		return false;
	}
	ret->is_item = *at == '-';
	if (ret->is_item) {
		ret->value = field_unquote(at + 1, end);
		return true;
	}
	colon = memchr(at, ':', (size_t)(end - at));
	if (!colon)
		return false;
	ret->key = field_unquote(at, colon);
	for (at = colon + 1; at < end && is_blank(*at); at++)
		;
	if (at < end && *at == '#')
		at = end;
	if (at < end && *at == '{') {
		y->at = at + 1;
		y->braces = 1;
	} else {
		ret->value = field_unquote(at, end);
	}
	return true;
}

static bool next_entry(struct yaml *y, struct entry *ret)
{
	while (y->at < y->end)
		if (y->braces > 0 ? next_in_braces(y, ret) : next_in_line(y, ret))
			return true;
	return false;
}

/* ---- what it means ---- */

struct netplan {
	struct network_config *ret;
	struct network_stanza stanza;
	bool is_inside;               /* a mapping of cards, or of what is made of them */
	bool expects_address;         /* in the next item */
	bool is_in_match;             /* what the cards are known by */
	size_t section, card, option; /* their depths; 0: not known */
};

static void read_section(struct netplan *n, const struct entry *e)
{
	static const char *const sections[] = { "ethernets", "bonds", "bridges", "vlans", NULL };

	n->is_inside = field_is_one_of(e->key, sections);
	n->section = e->depth;
	n->card = 0;
}

static void read_card(struct netplan *n, struct field name)
{
	network_stanza_finish(&n->stanza, n->ret);
	n->option = 0;
	n->stanza = (struct network_stanza){ .names = name };
}

static void read_option(struct netplan *n, const struct entry *e)
{
	n->is_in_match = field_is(e->key, "match");
	n->expects_address = field_is(e->key, "addresses") && e->value.size == 0;
	if (n->is_in_match)
		n->stanza = (struct network_stanza){ .is_ethernet = true,
						     .address = n->stanza.address };
	else if (field_is(e->key, "addresses"))
		network_stanza_set_address(&n->stanza, e->value);
	else if (field_is(e->key, "interfaces") || field_is(e->key, "link"))
		n->stanza.is_over = !field_is(e->value, "[]");
}

static void read_entry(struct netplan *n, const struct entry *e)
{
	if (e->is_item && n->expects_address)
		network_stanza_set_address(&n->stanza, e->value);
	if (e->is_item)
		return;
	n->expects_address = false;
	if (!n->is_inside || e->depth <= n->section)
		return read_section(n, e);
	if (n->card == 0)
		n->card = e->depth;
	if (e->depth <= n->card)
		return read_card(n, e->key);
	if (n->option == 0)
		n->option = e->depth;
	if (e->depth == n->option)
		return read_option(n, e);
	if (n->is_in_match && field_is(e->key, "name") && !field_starts_with(e->value, "["))
		n->stanza.names = e->value;
}

void netplan_read(const char *text, size_t size, struct network_config *ret)
{
	struct yaml y = { .at = text, .end = text + size };
	struct netplan n = { .ret = ret };
	struct entry e;

	while (next_entry(&y, &e))
		read_entry(&n, &e);
	network_stanza_finish(&n.stanza, ret);
}
