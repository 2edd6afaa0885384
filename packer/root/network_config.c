/* Lines of five formats, which become stanzas: the card, its address. */
#include "root/network_config.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "base/glob.h"
#include "base/util.h"

#define NAME_MAX_CARD 64

/* What is said of a card, or of all that fit. */
struct stanza {
	struct field
		names; /* patterns, with blanks or semicolons between them; size 0: none so far */
	struct field address;
	bool is_ethernet; /* it is for cards, by their kind */
};

struct reading {
	struct network_config *ret;
	struct stanza stanza;
	struct field section; /* of an ini file */
	struct {
		bool is_inside;               /* a mapping of cards */
		bool expects_address;         /* in the next line */
		size_t section, card, option; /* how far they are indented; 0: not known */
	} netplan;
};

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

	while (f.size > 0 && strchr(" \t[\"'", *f.at))
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

static struct field next_name(struct field *names)
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

/* What it says, goes to the result; the next begins. */
static void finish(struct reading *r)
{
	struct stanza *s = &r->stanza;
	bool is_card = s->is_ethernet && s->names.size == 0;
	struct field names = s->names, name;

	r->ret->fits |= is_card;
	r->ret->is_any |= is_card;
	while ((name = next_name(&names)).size > 0) {
		bool is_fit = fits(name), is_other = !is_fit && is_renamed(name);

		r->ret->is_any |= !field_is(name, "lo");
		r->ret->fits |= is_fit;
		if (is_other && r->ret->card.size == 0)
			r->ret->card = name;
		is_card |= is_fit || is_other || field_starts_with(name, "bond") ||
			   field_starts_with(name, "team");
	}
	if (is_card && r->ret->address.size == 0)
		r->ret->address = s->address;
	*s = (struct stanza){ 0 };
}

static void set_address(struct reading *r, struct field value)
{
	if (r->stanza.address.size == 0)
		r->stanza.address = address_of(value);
}

/* ---- lines ---- */

static struct field trim(const char *at, const char *end)
{
	while (at < end && strchr(" \t\"'", *at))
		at++;
	while (end > at && strchr(" \t\r\"'", end[-1]))
		end--;
	return (struct field){ at, (size_t)(end - at) };
}

/* Cuts a line at its first separator. False for a comment, and where there is none. */
static bool split(struct field line, char separator, struct field *key, struct field *value)
{
	const char *end = line.at + line.size;
	struct field text = trim(line.at, end);
	const char *found = text.size ? memchr(text.at, separator, text.size) : NULL;

	if (!found || *text.at == '#' || *text.at == ';')
		return false;
	*key = trim(text.at, found);
	*value = trim(found + 1, end);
	return true;
}

static void read_interfaces(struct reading *r, struct field line)
{
	const char *at = line.at, *end = line.at + line.size;
	struct field word = field_next(&at, end);

	if (field_is(word, "iface")) {
		finish(r);
		r->stanza.names = field_next(&at, end);
	} else if (field_is(word, "address")) {
		set_address(r, field_next(&at, end));
	}
}

static void read_ifcfg(struct reading *r, struct field line)
{
	struct field key, value;

	if (!split(line, '=', &key, &value))
		return;
	if (field_is(key, "DEVICE") && value.size > 0)
		r->stanza.names = value;
	else if (field_starts_with(key, "IPADDR") || field_is(key, "IPV6ADDR"))
		set_address(r, value);
}

/* False: the line is no key of a section. */
static bool read_ini(struct reading *r, struct field line, struct field *key, struct field *value)
{
	struct field text = trim(line.at, line.at + line.size);

	if (!field_starts_with(text, "["))
		return split(line, '=', key, value);
	r->section = text;
	return false;
}

static void read_keyfile(struct reading *r, struct field line)
{
	struct field key, value;

	if (!read_ini(r, line, &key, &value))
		return;
	if (field_is(key, "interface-name"))
		r->stanza.names = value;
	else if (field_is(key, "type") && field_is(r->section, "[connection]"))
		r->stanza.is_ethernet = field_is(value, "ethernet") ||
					field_is(value, "802-3-ethernet");
	else if (field_starts_with(key, "address") && field_starts_with(r->section, "[ipv"))
		set_address(r, value);
}

static void read_networkd(struct reading *r, struct field line)
{
	struct field key, value;

	if (!read_ini(r, line, &key, &value))
		return;
	if (field_is(key, "Name") && field_is(r->section, "[Match]")) {
		if (r->stanza.names.size > 0) /* one more is for these, too */
			finish(r);
		r->stanza.names = value;
	} else if (field_is(key, "Type") && field_is(r->section, "[Match]"))
		r->stanza.is_ethernet = field_contains(value, "ether");
	else if (field_is(r->section, "[Match]")) /* nobody knows here */
		r->ret->fits = r->ret->is_any = true;
	else if (field_is(key, "Address") &&
		 (field_is(r->section, "[Network]") || field_is(r->section, "[Address]")))
		set_address(r, value);
}

/* ---- netplan ---- */

static void read_option(struct reading *r, struct field key, struct field value)
{
	if (field_is(key, "match"))
		r->stanza = (struct stanza){ .is_ethernet = true, .address = r->stanza.address };
	else if (field_is(key, "addresses"))
		set_address(r, value);
	r->netplan.expects_address = field_is(key, "addresses") && value.size == 0;
}

static void read_card(struct reading *r, struct field name, struct field options)
{
	finish(r);
	r->netplan.option = 0;
	r->stanza = (struct stanza){ .names = name };
	if (field_contains(options, "match:"))
		r->stanza = (struct stanza){ .is_ethernet = true };
}

/* A mapping of cards, in one line: {ens3: {dhcp4: true}} */
static void read_flow(struct reading *r, struct field value)
{
	struct field name, options;

	if (field_starts_with(value, "{") &&
	    split((struct field){ value.at + 1, value.size - 1 }, ':', &name, &options))
		read_card(r, name, options);
}

static void read_section(struct reading *r, struct field key, struct field value, size_t indent)
{
	r->netplan.is_inside = field_is(key, "ethernets") || field_is(key, "bonds");
	r->netplan.section = indent;
	r->netplan.card = 0;
	if (r->netplan.is_inside)
		read_flow(r, value);
}

static void read_netplan(struct reading *r, struct field line)
{
	bool expects_address = r->netplan.expects_address;
	struct field key, value;
	size_t indent = 0;

	while (indent < line.size && line.at[indent] == ' ')
		indent++;
	if (expects_address && indent < line.size && line.at[indent] == '-')
		set_address(r, (struct field){ line.at + indent + 1, line.size - indent - 1 });
	if (!split(line, ':', &key, &value) || *key.at == '-')
		return;
	r->netplan.expects_address = false;
	if (!r->netplan.is_inside || indent <= r->netplan.section)
		return read_section(r, key, value, indent);
	if (r->netplan.card == 0)
		r->netplan.card = indent;
	if (indent <= r->netplan.card)
		return read_card(r, key, value);
	if (r->netplan.option == 0)
		r->netplan.option = indent;
	if (indent == r->netplan.option)
		read_option(r, key, value);
}

/* ---- files ---- */

static const struct format {
	const char *glob;
	void (*read)(struct reading *r, struct field line);
} formats[] = {
	{ "/etc/network/interfaces", read_interfaces },
	{ "/etc/network/interfaces.d/*", read_interfaces },
	{ "/etc/sysconfig/network-scripts/ifcfg-*", read_ifcfg },
	{ "/etc/sysconfig/network/ifcfg-*", read_ifcfg },
	{ "/etc/NetworkManager/system-connections/*", read_keyfile },
	{ "/etc/systemd/network/*.network", read_networkd },
	{ "/etc/netplan/*.yaml", read_netplan },
};

static const struct format *format_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (glob_match(formats[i].glob, path, false))
			return &formats[i];
	return NULL;
}

bool network_config_is(const char *path)
{
	return format_of(path) != NULL;
}

void network_config_read(const char *path, const char *text, size_t size,
			 struct network_config *ret)
{
	const struct format *format = format_of(path);
	struct reading r = { .ret = ret };
	const char *next = text, *name;
	struct field line;

	*ret = (struct network_config){ 0 };
	if (!format)
		return;
	ret->is_any = format->read == read_keyfile || format->read == read_networkd;
	if (format->read == read_ifcfg) {
		name = strstr(path, "/ifcfg-") + strlen("/ifcfg-");
		r.stanza.names = (struct field){ name, strlen(name) };
	}
	while (line_next(&next, text + size, &line))
		format->read(&r, line);
	finish(&r);
}
