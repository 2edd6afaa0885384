/* Keys and their values. */
#include "root/card_profile.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/fields.h"
#include "base/util.h"

/* Without dashes and dots, in small letters. */
static const char *const keys[] = {
	"macaddress", /* NetworkManager: mac-address; systemd: MACAddress; netplan: macaddress */
	"clonedmacaddress",    /* NetworkManager */
	"permanentmacaddress", /* systemd */
	"hwaddr",
	"macaddr", /* ifcfg files */
	"lladdr",
	NULL,
};

/* A name, of which only the letters count. */
static bool is_key(struct field text)
{
	char key[32];
	size_t n = 0;

	for (size_t i = 0; i < text.size; i++)
		if (isalpha((unsigned char)text.at[i]) && n + 1 < sizeof(key))
			key[n++] = (char)tolower((unsigned char)text.at[i]);
	key[n] = '\0';
	return field_is_one_of((struct field){ key, n }, keys);
}

/* The name that ends before a = or :, behind what else may stand in its line: `match: {macaddress: …}` of netplan. */
static struct field key_before(const char *start, const char *separator)
{
	const char *end = separator, *at;

	while (end > start && strchr(" \t\"'", end[-1]))
		end--;
	for (at = end; at > start && (isalpha((unsigned char)at[-1]) || strchr("-_", at[-1]));)
		at--;
	return (struct field){ at, (size_t)(end - at) };
}

/* x is a hexadecimal digit, : may be a dash, too. */
static bool fits(const char *form, const char *text)
{
	for (; *form; form++, text++)
		if (*form == 'x'   ? !isxdigit((unsigned char)*text)
		    : *form == ':' ? *text != ':' && *text != '-'
				   : *text != *form)
			return false;
	return true;
}

struct field card_profile_find_mac(struct field text)
{
	static const char *const forms[] = { "xx:xx:xx:xx:xx:xx", "xxxx.xxxx.xxxx" };

	for (size_t start = 0; start < text.size; start++)
		for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
			if (strlen(forms[i]) <= text.size - start &&
			    fits(forms[i], text.at + start))
				return (struct field){ text.at + start, strlen(forms[i]) };
	return (struct field){ text.at, 0 };
}

/* Where a comment begins in a line, or its end. */
static const char *find_comment(struct field line)
{
	const char *at = line.at, *end = at + line.size;

	while (at < end && *at != '#' && *at != ';')
		at++;
	return at;
}

bool card_profile_has_mac(const char *text, size_t size)
{
	const char *next = text, *at, *end;
	struct field line;

	while (line_next(&next, text + size, &line)) {
		end = find_comment(line);
		for (at = line.at; at < end; at++)
			if ((*at == '=' || *at == ':') && is_key(key_before(line.at, at)) &&
			    card_profile_find_mac((struct field){ at + 1, (size_t)(end - at - 1) })
					    .size > 0)
				return true;
	}
	return false;
}
