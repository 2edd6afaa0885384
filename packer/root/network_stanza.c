/* Names, addresses, and which of them count. */
#include "root/network_stanza.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "base/util.h"
#include "root/card_profile.h"

#define NAME_MAX_CARD 64

/* ---- names and addresses ---- */

static bool is_letter_with_digit(struct field name, size_t at, const char *letters)
{
	return at + 1 < name.size && strchr(letters, name.at[at]) &&
	       isdigit((unsigned char)name.at[at + 1]);
}

/* As systemd.net-naming-scheme(7) and biosdevname name Ethernet cards, and patterns for them: enp1s0, enx…, em1, en*. */
static bool is_renamed(struct field name)
{
	size_t fixed = 0;

	if (field_starts_with(name, "em"))
		return is_letter_with_digit(name, 1, "m") || field_is(name, "em*");
	if (!field_starts_with(name, "en"))
		return false;
	while (fixed < name.size && !strchr("*?[", name.at[fixed]))
		fixed++;
	if (fixed < name.size)
		return true;
	return is_letter_with_digit(name, 2, "bcdiopPsvX") ||
	       (field_starts_with(name, "enx") && name.size == strlen("enx001122334455"));
}

static bool fits(struct field name)
{
	char pattern[NAME_MAX_CARD];

	if (field_starts_with(name, "eth") || field_starts_with(name, "!"))
		return true;
	if (name.size >= sizeof(pattern))
		return false;
	memcpy(pattern, name.at, name.size);
	pattern[name.size] = '\0';
	return fnmatch(pattern, "eth0", 0) == 0;
}

/* The address at the beginning of a value, behind brackets and quotes; empty: there is none that another machine could not
 * have, too. */
static struct field address_of(struct field value)
{
	static const char *const own[] = { "127.", "169.254.", "0.0.0.0", "fe80:", "FE80:" };
	struct field f = value;

	while (f.size > 0 && strchr(" \t[{\"'", *f.at))
		f = (struct field){ f.at + 1, f.size - 1 };
	for (size_t n = 0; n < f.size; n++)
		if (!isxdigit((unsigned char)f.at[n]) && f.at[n] != '.' && f.at[n] != ':')
			f.size = n;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (field_starts_with(f, own[i]))
			f.size = 0;
	return f.size < 3 || field_is(f, "::1") ||
			       !(field_contains(f, ".") || field_contains(f, ":"))
		       ? (struct field){ f.at, 0 }
		       : f;
}

/* ---- stanzas ---- */

struct field network_stanza_next_name(struct field *names)
{
	size_t n = 0, skipped = 0;
	struct field name;

	while (skipped < names->size && strchr(" \t;\"'/", names->at[skipped]))
		skipped++;
	name.at = names->at + skipped;
	while (skipped + n < names->size && !strchr(" \t;\"'", name.at[n]))
		n++;
	name.size = n;
	*names = (struct field){ name.at + n, names->size - skipped - n };
	return name;
}

void network_stanza_set_address(struct network_stanza *s, struct field value)
{
	if (s->address.size == 0)
		s->address = address_of(value);
}

void network_stanza_set_mac(struct network_stanza *s, struct field value)
{
	if (s->mac.size == 0)
		s->mac = card_profile_find_mac(value);
}

bool network_stanza_note_card(struct network_config *c, struct field name)
{
	bool is_fit = fits(name), is_other = !is_fit && is_renamed(name);

	c->fits |= is_fit;
	c->is_any |= is_fit || is_other;
	if (is_other && c->card.size == 0)
		c->card = name;
	return is_fit || is_other;
}

/* No other machine sees it. */
static bool is_inside(struct field name)
{
	static const char *const kinds[] = { "dummy", "tap", "tun", "veth", "virbr" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (field_starts_with(name, kinds[i]))
			return true;
	return field_is(name, "lo");
}

void network_stanza_finish(struct network_stanza *s, struct network_config *ret)
{
	bool is_all = s->is_ethernet && s->names.size == 0, is_card = is_all || s->is_over;
	bool is_seen = is_all;
	struct field names = s->names, name;

	ret->fits |= is_all;
	ret->is_any |= is_all;
	while ((name = network_stanza_next_name(&names)).size > 0) {
		ret->is_any |= !field_is(name, "lo");
		is_card |= network_stanza_note_card(ret, name) || field_starts_with(name, "bond") ||
			   field_starts_with(name, "team");
		is_seen |= !is_inside(name) && !s->is_alone;
	}
	if (is_card && ret->address.size == 0)
		ret->address = s->address;
	if (is_seen && ret->mac.size == 0)
		ret->mac = s->mac;
	*s = (struct network_stanza){ 0 };
}
