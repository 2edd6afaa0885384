/* The forms of ip= and the others. */
#include "net/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/escape.h"
#include "base/util.h"

#define FIELDS_MAX 16

/* The kernel's form; dracut's has the same first seven. */
enum field { CLIENT, SERVER, GATEWAY, MASK, HOST, DEVICE, METHOD, DNS_0, DNS_1, NTP };

struct fields {
	char text[512]; /* with NULs instead of colons */
	const char *at[FIELDS_MAX];
	size_t n;
};

/* Takes a value apart at its colons, except at those in brackets. */
static bool split(const char *text, struct fields *ret)
{
	bool is_in_brackets = false;

	if (strlen(text) >= sizeof(ret->text))
		return false;
	strcpy(ret->text, text);
	ret->at[0] = ret->text;
	ret->n = 1;
	for (char *c = ret->text; *c; c++) {
		if (*c == '[' || *c == ']')
			is_in_brackets = *c == '[';
		if (*c != ':' || is_in_brackets)
			continue;
		if (ret->n == FIELDS_MAX)
			return false;
		*c = '\0';
		ret->at[ret->n++] = c + 1;
	}
	for (size_t i = ret->n; i < FIELDS_MAX; i++)
		ret->at[i] = "";
	return true;
}

static bool parse_method(const char *text, enum ip_method *ret)
{
	static const struct {
		const char *name;
		enum ip_method method;
	} names[] = {
		{ "dhcp", IP_AUTO },        { "on", IP_AUTO },     { "any", IP_AUTO },
		{ "all", IP_AUTO },         { "both", IP_AUTO },   { "bootp", IP_AUTO },
		{ "single-dhcp", IP_AUTO }, { "auto6", IP_AUTO6 }, { "either6", IP_AUTO6 },
		{ "off", IP_OFF },          { "none", IP_OFF },    { "static", IP_OFF },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i].name) == 0) {
			*ret = names[i].method;
			return true;
		}
	}
	return false;
}

static int wrong_method(const char *text, struct fail *f)
{
	return fail_set(f, EINVAL, "", "Use dhcp, auto6, or none with an address.",
			"\"%s\" is no way to get an address that tarboot knows", text);
}

static int set_device(const char *text, struct ip_option *o, struct fail *f)
{
	if (strcmp(text, "BOOTIF") == 0 || strcmp(text, "bootif") == 0) {
		o->is_bootif = true;
		return 0;
	}
	if (*text && !net_name_is_valid(text))
		return fail_set(f, EINVAL, "", "Use the kernel's name, such as eth0.",
				"\"%s\" can be the name of no network card", text);
	strcpy(o->device, text);
	return 0;
}

static int set_mtu(const char *text, struct ip_option *o, struct fail *f)
{
	if (!*text || net_mtu_parse(text, &o->config.mtu))
		return 0;
	return fail_set(f, EINVAL, "", "Use a number of bytes from 576 to 65535.",
			"\"%s\" is no MTU", text);
}

/* A field with an address; empty, or all zeros as boot loaders write what they do not know, is none. */
static int read_address(const struct fields *fields, enum field which, const char *name,
			struct net_address *ret, struct fail *f)
{
	const char *text = fields->at[which];

	*ret = (struct net_address){ 0 };
	if (!*text)
		return 0;
	if (net_address_parse(text, ret) && (!ret->family || net_address_is_host(ret)))
		return 0;
	return fail_set(f, EINVAL, "", "Correct it; IPv6 addresses stand in brackets.",
			"\"%s\" cannot be the address of %s", text, name);
}

/* The MTU or the first DNS server stands there, depending on whose form it is. */
static int read_last_fields(const struct fields *fields, struct ip_option *o, struct fail *f)
{
	struct net_address dns[2];
	int r;

	if (*fields->at[DNS_0] && !strpbrk(fields->at[DNS_0], ".:"))
		return set_mtu(fields->at[DNS_0], o, f);
	if ((r = read_address(fields, DNS_0, "a DNS server", &dns[0], f)) < 0)
		return r;
	/* After an empty MTU, dracut's form has the MAC that the card shall have; tarboot leaves it its own. */
	if (fields->n == DNS_1 + 6 && strlen(fields->at[DNS_1]) == 2)
		return 0;
	if ((r = read_address(fields, DNS_1, "a DNS server", &dns[1], f)) < 0)
		return r;
	net_config_add_dns(&o->config, &dns[0]);
	net_config_add_dns(&o->config, &dns[1]);
	return 0;
}

/* What cannot be a name is none, as for the kernel: boot loaders pass on what DHCP said. */
static void read_hostname(const struct fields *fields, struct net_config *c)
{
	if (net_hostname_is_valid(fields->at[HOST]))
		strcpy(c->hostname, fields->at[HOST]);
}

static int read_mask(const struct fields *fields, struct net_address *address, struct fail *f)
{
	const char *text = fields->at[MASK];
	bool has_prefix = strchr(fields->at[CLIENT], '/');

	if (*text && net_mask_parse(text, address->family, &address->prefix))
		return 0;
	if ((*text && strcmp(text, "0.0.0.0") != 0) || (has_prefix && address->prefix == 0))
		return fail_set(f, EINVAL, "", "Correct it: 255.255.255.0, or 24.",
				"\"%s\" is no netmask", *text ? text : "0");
	if (!has_prefix)
		address->prefix = net_default_prefix(address);
	return 0;
}

/* CLIENT:SERVER:GATEWAY:MASK:HOST:DEVICE:METHOD:DNS:DNS:NTP, of which the last ones may be missing. */
static int parse_kernel_form(const struct fields *fields, struct ip_option *o, struct fail *f)
{
	struct net_address *address = &o->config.address, gateway;
	int r;

	if ((r = read_address(fields, CLIENT, "this machine", address, f)) < 0 ||
	    (r = read_address(fields, GATEWAY, "a gateway", &gateway, f)) < 0 ||
	    (r = set_device(fields->at[DEVICE], o, f)) < 0 ||
	    (r = read_last_fields(fields, o, f)) < 0)
		return r;
	o->method = IP_OFF;
	if (*fields->at[METHOD] && !parse_method(fields->at[METHOD], &o->method))
		return wrong_method(fields->at[METHOD], f);
	read_hostname(fields, &o->config);
	if (o->method == IP_OFF)
		o->method = address->family ? IP_STATIC : IP_AUTO;
	if (o->method != IP_STATIC) {
		*address = (struct net_address){ 0 };
		return 0;
	}
	if ((r = read_mask(fields, address, f)) < 0)
		return r;
	net_config_add_route(&o->config, NULL, &gateway);
	strcpy(o->config.from, "ip=");
	return 0;
}

/* METHOD, or DEVICE:METHOD[:MTU[:MAC]]. */
static int parse_device_form(const struct fields *fields, struct ip_option *o, struct fail *f)
{
	const char *method = fields->at[fields->n > 1];
	int r = fields->n > 1 ? set_device(fields->at[0], o, f) : 0;

	if (r < 0)
		return r;
	if (!parse_method(method, &o->method))
		return wrong_method(method, f);
	return set_mtu(fields->at[2], o, f);
}

int ip_option_parse(const char *text, struct ip_option *ret, struct fail *f)
{
	struct ip_option o = { .method = IP_AUTO };
	struct net_address address;
	struct fields fields;
	int r;

	if (!split(text, &fields))
		return fail_set(f, EINVAL, "", "Correct it.", "it has too many fields");
	if ((!*fields.at[0] && fields.n > 1) || net_address_parse(fields.at[0], &address))
		r = parse_kernel_form(&fields, &o, f);
	else
		r = parse_device_form(&fields, &o, f);
	if (r == 0)
		*ret = o;
	return r;
}

/* The digits at the end of the name are the number: vlan5, vlan0005, eth0.5, eth0.0005. */
int vlan_option_parse(const char *text, struct vlan_option *ret, struct fail *f)
{
	const char *colon = strchr(text, ':');
	struct vlan_option v = { 0 };
	const char *digits;
	unsigned long id;

	if (!colon || (size_t)(colon - text) >= sizeof(v.name) ||
	    strlen(colon + 1) >= sizeof(v.parent))
		return fail_set(f, EINVAL, "", "Write vlan5:eth0 or eth0.5:eth0.",
				"it must be NAME:DEVICE");
	memcpy(v.name, text, (size_t)(colon - text));
	strcpy(v.parent, colon + 1);
	digits = v.name + strlen(v.name);
	while (digits > v.name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	id = strtoul(digits, NULL, 10);
	if (!net_name_is_valid(v.name) || !net_name_is_valid(v.parent) || id < 1 || id > 4094)
		return fail_set(f, EINVAL, "", "Write vlan5:eth0 or eth0.5:eth0.",
				"its name must end in the number of a VLAN, 1 to 4094");
	v.id = (uint16_t)id;
	*ret = v;
	return 0;
}

/* ---- all of them ---- */

/* Adds one value to the options. Returns as ip_option_parse(). */
typedef int add_fn(const char *value, struct net_options *o, struct fail *f);

static int add_ip(const char *value, struct net_options *o, struct fail *f)
{
	if (o->n_ip == IP_OPTIONS_MAX)
		return fail_set(f, EINVAL, "", "Leave some out.", "there are more than %d",
				IP_OPTIONS_MAX);
	return ip_option_parse(value, &o->ip[o->n_ip], f) < 0 ? -EINVAL : (o->n_ip++, 0);
}

static int add_vlan(const char *value, struct net_options *o, struct fail *f)
{
	if (o->n_vlans == VLANS_MAX)
		return fail_set(f, EINVAL, "", "Leave some out.", "there are more than %d",
				VLANS_MAX);
	return vlan_option_parse(value, &o->vlans[o->n_vlans], f) < 0 ? -EINVAL : (o->n_vlans++, 0);
}

static int add_nameserver(const char *value, struct net_options *o, struct fail *f)
{
	struct net_address a;

	if (!net_address_parse(value, &a))
		return fail_set(f, EINVAL, "", "Write an address, not a name.",
				"it must be the IP address of a DNS server");
	net_config_add_dns(&o->dns, &a);
	return 0;
}

/* "01-" is the hardware type of Ethernet. */
static int set_bootif(const char *value, struct net_options *o, struct fail *f)
{
	const char *mac = strncmp(value, "01-", 3) == 0 && strlen(value) == 20 ? value + 3 : value;
	uint8_t parsed[6];

	if (!net_mac_parse(mac, parsed) || (parsed[0] & 1)) /* that of a group */
		return fail_set(f, EINVAL, "", "Write it as pxelinux does: 01-52-54-00-12-34-56.",
				"it must be the MAC address of an Ethernet card");
	memcpy(o->bootif, parsed, sizeof(o->bootif));
	o->has_bootif = true;
	return 0;
}

static int fail_too_long(const char *key, struct fail *f)
{
	char what[64];

	snprintf(what, sizeof(what), "kernel parameter %s", key);
	return fail_set(f, E2BIG, what, "Leave some out.", "its values have more than %zu bytes",
			sizeof(((struct text_param *)NULL)->text) - 1);
}

/* Each value of a parameter; they stand with blanks between. Returns the first failure. */
static int read_values(const char *key, const struct text_param *param, add_fn *add,
		       struct net_options *o, struct fail *f)
{
	char value[sizeof(param->text)], what[sizeof(value) + 40];
	int r = param->is_too_long ? fail_too_long(key, f) : 0, r_value;
	struct fail later;
	size_t size;

	for (const char *at = param->text; *at; at += size + (at[size] == ' ')) {
		size = strcspn(at, " ");
		memcpy(value, at, size);
		value[size] = '\0';
		r_value = size ? add(value, o, r == 0 ? f : &later) : 0;
		if (r == 0 && r_value < 0) {
			snprintf(what, sizeof(what), "kernel parameter %s=%s", key, value);
			escape_text(what, f->what, sizeof(f->what));
			r = r_value;
		}
	}
	return r;
}

int net_options_read(const struct params *p, struct net_options *ret, struct fail *f)
{
	const struct {
		const char *key;
		const struct text_param *param;
		add_fn *add;
	} all[] = {
		{ "ip", &p->ip, add_ip },
		{ "vlan", &p->vlan, add_vlan },
		{ "nameserver", &p->nameserver, add_nameserver },
		{ "BOOTIF", &p->bootif, set_bootif },
	};
	struct fail later;
	int r = 0, r_one;

	*ret = (struct net_options){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		r_one = read_values(all[i].key, all[i].param, all[i].add, ret, r == 0 ? f : &later);
		if (r == 0)
			r = r_one;
	}
	return r;
}

const struct vlan_option *net_options_vlan(const struct net_options *o, const char *name)
{
	for (size_t i = 0; i < o->n_vlans; i++)
		if (strcmp(o->vlans[i].name, name) == 0)
			return &o->vlans[i];
	return NULL;
}

const struct vlan_option *net_options_vlan_on(const struct net_options *o, const char *parent)
{
	for (size_t i = 0; i < o->n_vlans; i++)
		if (strcmp(o->vlans[i].parent, parent) == 0)
			return &o->vlans[i];
	return NULL;
}

bool net_options_is_bootif(const struct net_options *o, const uint8_t mac[6])
{
	return o->has_bootif && memcmp(o->bootif, mac, sizeof(o->bootif)) == 0;
}

/* Those that name the card come before those for all. A card with a VLAN on top of it must be named. */
const struct ip_option *net_options_for(const struct net_options *o, const char *name,
					const uint8_t mac[6])
{
	static const struct ip_option automatic = { .method = IP_AUTO };
	const struct ip_option *for_all = o->n_ip ? NULL : &automatic;
	bool is_below_vlan = net_options_vlan_on(o, name);

	for (size_t i = 0; i < o->n_ip; i++) {
		const struct ip_option *ip = &o->ip[i];
		/* The boot loader wrote an address down for the card that it used. */
		bool is_for_bootif = ip->is_bootif || (ip->method == IP_STATIC && o->has_bootif);

		if (*ip->device && strcmp(ip->device, name) == 0)
			return ip;
		if (*ip->device || is_below_vlan)
			continue;
		if (!is_for_bootif)
			for_all = ip;
		else if (net_options_is_bootif(o, mac))
			return ip;
	}
	return is_below_vlan ? NULL : for_all;
}
