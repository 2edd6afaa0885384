/* Lines of several formats, which become stanzas: the card, its address. */
#include "root/network_config.h"

#include <string.h>

#include "base/glob.h"
#include "base/util.h"
#include "root/netplan.h"
#include "root/network_stanza.h"

struct reading {
	struct network_config *ret;
	struct network_stanza stanza;
	struct field section; /* of an ini file */
};

/* ---- lines ---- */

/* Cuts a line at its first separator. False for a comment, and where there is none. */
static bool split(struct field line, char separator, struct field *key, struct field *value)
{
	const char *end = line.at + line.size;
	struct field text = field_unquote(line.at, end);
	const char *found = text.size ? memchr(text.at, separator, text.size) : NULL;

	if (!found || *text.at == '#' || *text.at == ';')
		return false;
	*key = field_unquote(text.at, found);
	*value = field_unquote(found + 1, end);
	return true;
}

/* ---- ifupdown ---- */

/* "auto /en*=lan": cards by pattern, which get what "iface lan" says. Other words name an iface of the same name. */
static void read_auto(struct reading *r, const char *at, const char *end)
{
	struct field word, part;

	while ((word = field_next(&at, end)).size > 0) {
		bool is_pattern = field_starts_with(word, "/");

		if (!is_pattern && !field_contains(word, "="))
			continue;
		word = (struct field){ word.at + is_pattern, word.size - is_pattern };
		if (field_next_part(&word, '=', &part) && field_next_part(&part, '/', &word))
			(void)network_stanza_note_card(r->ret, word);
	}
}

/* What a bridge, a bond or a VLAN is made of. */
static void read_ports(struct reading *r, struct field kind, const char *at, const char *end)
{
	struct field word;

	while ((word = field_next(&at, end)).size > 0) {
		r->stanza.is_alone |= field_is(word, "none") && field_starts_with(kind, "bridge");
		r->stanza.is_over |= field_is(word, "all") ||
				     network_stanza_note_card(r->ret, word);
		r->ret->fits |= field_is(word, "all");
	}
}

/* A command of an interface that gives it a MAC address: those that speak of other machines' are right. */
static bool sets_mac(struct field line)
{
	return field_contains(line, "hw ether") ||
	       (field_contains(line, "link set") && field_contains(line, " address "));
}

static void read_interfaces(struct reading *r, struct field line)
{
	static const char *const macs[] = { "hwaddress", "bridge_hw", "bridge-hw", NULL };
	static const char *const commands[] = { "pre-up", "up", "post-up", NULL };
	static const char *const ports[] = { "bridge_ports",    "bridge-ports",
					     "bond-slaves",     "bond_slaves",
					     "slaves",          "vlan-raw-device",
					     "vlan_raw_device", NULL };
	const char *at = line.at, *end = line.at + line.size;
	struct field word = field_next(&at, end);

	if (field_is(word, "iface")) {
		network_stanza_finish(&r->stanza, r->ret);
		r->stanza.names = field_next(&at, end);
	} else if (field_is(word, "auto") || field_starts_with(word, "allow-")) {
		read_auto(r, at, end);
	} else if (field_is_one_of(word, ports)) {
		read_ports(r, word, at, end);
	} else if (field_is(word, "address")) {
		network_stanza_set_address(&r->stanza, field_next(&at, end));
	} else if (field_is_one_of(word, macs) ||
		   (field_is_one_of(word, commands) && sets_mac(line))) {
		network_stanza_set_mac(&r->stanza, line);
	}
}

/* ---- dhcpcd ---- */

/* What stands before the first interface is for all cards; a profile is for what one of them says. */
static void read_dhcpcd(struct reading *r, struct field line)
{
	static const char *const parts[] = { "interface", "profile", "ssid", NULL };
	static const char *const addresses[] = { "ip_address", "ip6_address", NULL };
	const char *at = line.at, *end = line.at + line.size;
	struct field word = field_next(&at, end), key, value;

	if (field_is_one_of(word, parts)) {
		network_stanza_finish(&r->stanza, r->ret);
		r->stanza.names = field_is(word, "interface") ? field_next(&at, end) : word;
	} else if (field_is(word, "static") &&
		   split((struct field){ at, (size_t)(end - at) }, '=', &key, &value) &&
		   field_is_one_of(key, addresses)) {
		network_stanza_set_address(&r->stanza, value);
	}
}

/* ---- files of keys and values ---- */

static void read_ifcfg(struct reading *r, struct field line)
{
	struct field key, value;

	if (!split(line, '=', &key, &value))
		return;
	if (field_is(key, "DEVICE") && value.size > 0)
		r->stanza.names = value;
	else if (field_starts_with(key, "IPADDR") || field_is(key, "IPV6ADDR"))
		network_stanza_set_address(&r->stanza, value);
}

/* False: the line is no key of a section. */
static bool read_ini(struct reading *r, struct field line, struct field *key, struct field *value)
{
	struct field text = field_unquote(line.at, line.at + line.size);

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
		network_stanza_set_address(&r->stanza, value);
}

static void read_networkd(struct reading *r, struct field line)
{
	struct field key, value;

	if (!read_ini(r, line, &key, &value))
		return;
	if (field_is(key, "Name") && field_is(r->section, "[Match]")) {
		if (r->stanza.names.size > 0) /* one more is for these, too */
			network_stanza_finish(&r->stanza, r->ret);
		r->stanza.names = value;
	} else if (field_is(key, "Type") && field_is(r->section, "[Match]"))
		r->stanza.is_ethernet = field_contains(value, "ether");
	else if (field_is(r->section, "[Match]")) /* nobody knows here */
		r->ret->fits = r->ret->is_any = true;
	else if (field_is(key, "Address") &&
		 (field_is(r->section, "[Network]") || field_is(r->section, "[Address]")))
		network_stanza_set_address(&r->stanza, value);
}

/* A name for the card at one place. */
static void read_link(struct reading *r, struct field line)
{
	struct field key, value;

	if (!read_ini(r, line, &key, &value))
		return;
	if (field_is(key, "Path") && field_is(r->section, "[Match]"))
		r->ret->place = value;
	else if (field_is(key, "Name") && field_is(r->section, "[Link]"))
		r->ret->placed = value;
}

static bool is_pattern(struct field f)
{
	return field_contains(f, "*") || field_contains(f, "?") || field_contains(f, "[") ||
	       field_contains(f, " ");
}

/* ---- files ---- */

static const struct format {
	const char *glob;
	void (*read)(struct reading *r, struct field line); /* NULL: netplan_read() */
} formats[] = {
	{ "/etc/network/interfaces", read_interfaces },
	{ "/etc/network/interfaces.d/*", read_interfaces },
	{ "/etc/sysconfig/network-scripts/ifcfg-*", read_ifcfg },
	{ "/etc/sysconfig/network/ifcfg-*", read_ifcfg },
	{ "/etc/NetworkManager/system-connections/*", read_keyfile },
	{ "/etc/systemd/network/*.network", read_networkd },
	{ "/etc/systemd/network/*.link", read_link },
	{ "/etc/dhcpcd.conf", read_dhcpcd },
	{ "/etc/netplan/*.yaml", NULL },
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
	const struct format *format = format_of(path);

	return format && format->read != read_link;
}

bool network_config_is_link(const char *path)
{
	const struct format *format = format_of(path);

	return format && format->read == read_link;
}

static void read_lines(const struct format *format, const char *path, const char *text, size_t size,
		       struct network_config *ret)
{
	struct reading r = { .ret = ret };
	const char *next = text, *name;
	struct field line;

	if (format->read == read_ifcfg) {
		name = strstr(path, "/ifcfg-") + strlen("/ifcfg-");
		r.stanza.names = (struct field){ name, strlen(name) };
	}
	r.stanza.is_ethernet = format->read == read_dhcpcd;
	while (line_next(&next, text + size, &line))
		format->read(&r, line);
	network_stanza_finish(&r.stanza, ret);
}

void network_config_read(const char *path, const char *text, size_t size,
			 struct network_config *ret)
{
	const struct format *format = format_of(path);

	*ret = (struct network_config){ 0 };
	if (!format)
		return;
	if (!format->read)
		return netplan_read(text, size, ret);
	ret->is_any = format->read == read_keyfile || format->read == read_networkd;
	read_lines(format, path, text, size, ret);
	if (format->read ==
	    read_dhcpcd) /* which configures all cards, also without a word of them */
		*ret = (struct network_config){ .address = ret->address };
	if (ret->placed.size == 0 || is_pattern(ret->place))
		ret->place.size = 0;
}
