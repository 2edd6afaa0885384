/* Skips over values without storing them. */
#include "base/json_read.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* All of these return a pointer to the text after the value, or NULL. */
static const char *skip_string(const char *at)
{
	if (*at != '"')
		return NULL;
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && !*++at)
			return NULL;
	return *at ? at + 1 : NULL;
}

static const char *skip_value(const char *at, unsigned depth);

/* An object or an array, closed by end. */
static const char *skip_list(const char *at, char end, unsigned depth)
{
	at = skip_blanks(at + 1);
	if (*at == end)
		return at + 1;
	for (;;) {
		if (end == '}') {
			at = skip_string(at);
			at = at ? skip_blanks(at) : NULL;
			if (!at || *at++ != ':')
				return NULL;
		}
		at = skip_value(at, depth + 1);
		at = at ? skip_blanks(at) : NULL;
		if (!at || (*at != ',' && *at != end))
			return NULL;
		if (*at++ == end)
			return at;
		at = skip_blanks(at);
	}
}

static const char *skip_value(const char *at, unsigned depth)
{
	size_t n;

	at = skip_blanks(at);
	if (depth == DEPTH_MAX)
		return NULL;
	if (*at == '{')
		return skip_list(at, '}', depth);
	if (*at == '[')
		return skip_list(at, ']', depth);
	if (*at == '"')
		return skip_string(at);
	n = strcspn(at, " \t\r\n,]}:\"{["); /* a number, true, false, null */
	return n ? at + n : NULL;
}

/* Of an object: the entry behind *at, which is a brace or a comma, and then *at is what stands behind the entry. */
static bool next_entry(const char **at, const char **ret_key, const char **ret_value)
{
	const char *colon, *end;

	if (!*at || (**at != '{' && **at != ','))
		return false;
	*ret_key = skip_blanks(*at + 1);
	colon = skip_string(*ret_key);
	colon = colon ? skip_blanks(colon) : NULL;
	if (!colon || *colon != ':')
		return false;
	*ret_value = skip_blanks(colon + 1);
	end = skip_value(*ret_value, 0);
	*at = end ? skip_blanks(end) : NULL;
	return end;
}

static bool is_key(const char *at, const char *key)
{
	size_t n = strlen(key);

	return strncmp(at + 1, key, n) == 0 && at[n + 1] == '"';
}

const char *json_member(const char *value, const char *key)
{
	const char *at = value ? skip_blanks(value) : "", *name, *member;

	if (*at != '{')
		return NULL;
	while (next_entry(&at, &name, &member))
		if (is_key(name, key))
			return member;
	return NULL;
}

bool json_entry(const char *value, size_t i, char *ret_key, size_t room, const char **ret_value)
{
	const char *at = value ? skip_blanks(value) : "", *name, *member;

	if (*at != '{')
		return false;
	while (next_entry(&at, &name, &member))
		if (i-- == 0) {
			*ret_value = member;
			return json_string(name, ret_key, room);
		}
	return false;
}

const char *json_item(const char *value, size_t i)
{
	const char *at = value ? skip_blanks(value) : "", *item;

	if (*at != '[')
		return NULL;
	do {
		item = skip_blanks(at + 1);
		at = skip_value(item, 0);
		if (at && i-- == 0)
			return item;
		at = at ? skip_blanks(at) : NULL;
	} while (at && *at == ',');
	return NULL;
}

bool json_string(const char *value, char *ret, size_t room)
{
	const char *at = value ? skip_blanks(value) : "";

	if (*at++ != '"')
		return false;
	for (; *at && *at != '"' && room > 1; room--) {
		if (*at == '\\' && (*++at == '\0' || strchr("bfnrtu", *at)))
			return false;
		*ret++ = *at++;
	}
	*ret = '\0';
	return *at == '"';
}

const char *json_next(const char *item)
{
	const char *at = item ? skip_value(skip_blanks(item), 0) : NULL;

	at = at ? skip_blanks(at) : NULL;
	return at && *at == ',' ? skip_blanks(at + 1) : NULL;
}

bool json_number(const char *value, double *ret)
{
	const char *at = value ? skip_blanks(value) : "";
	char *end;

	if (*at != '-' && (*at < '0' || *at > '9'))
		return false;
	*ret = strtod(at, &end);
	return end != at && *ret > -1e18 && *ret < 1e18;
}
