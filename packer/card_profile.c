/* Keys and their values. */
#include "card_profile.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "fields.h"
#include "util.h"

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

/* What stands before = or : without what is not a letter. */
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

/* Six bytes in hex with : or - between them, anywhere in it. */
static bool has_mac(struct field text)
{
	static const size_t length = 17;

	for (size_t start = 0; start + length <= text.size; start++) {
		size_t i = 0;

		while (i < length && (i % 3 == 2 ? strchr(":-", text.at[start + i]) != NULL
						 : isxdigit((unsigned char)text.at[start + i])))
			i++;
		if (i == length)
			return true;
	}
	return false;
}

bool card_profile_has_mac(const char *text, size_t size)
{
	const char *at = text;
	struct field line;
	size_t n;

	while (line_next(&at, text + size, &line)) {
		for (n = 0; n < line.size && line.at[n] != '=' && line.at[n] != ':'; n++)
			if (line.at[n] == '#' || line.at[n] == ';')
				break;
		if (n < line.size && (line.at[n] == '=' || line.at[n] == ':') &&
		    is_key((struct field){ line.at, n }) &&
		    has_mac((struct field){ line.at + n + 1, line.size - n - 1 }))
			return true;
	}
	return false;
}
