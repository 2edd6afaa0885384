/* Addresses, masks, MACs and names as texts. */
#include "net/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

#define MTU_LEAST 576
#define MTU_MOST 65535

static uint8_t bits_of(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

/* A decimal number without sign, blanks or leading zeros. */
static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
	unsigned n = 0;

	if (!*text || (*text == '0' && text[1]) || strlen(text) > 5)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
	}
	*ret = n;
	return n <= max;
}

/* Copies what stands before the slash, without brackets. */
static bool copy_host(const char *text, size_t size, char *ret, size_t ret_size)
{
	if (size >= 2 && *text == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	}
	if (size >= ret_size)
		return false;
	memcpy(ret, text, size);
	ret[size] = '\0';
	return true;
}

bool net_address_parse(const char *text, struct net_address *ret)
{
	size_t size = strcspn(text, "/");
	struct net_address a = { 0 };
	char host[INET6_ADDRSTRLEN];
	unsigned prefix;

	if (!copy_host(text, size, host, sizeof(host)))
		return false;
	if (inet_pton(AF_INET, host, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, host, a.bytes) == 1)
		a.family = AF_INET6;
	else
		return false;
	prefix = bits_of(a.family);
	if (text[size] == '/' && !parse_number(text + size + 1, prefix, &prefix))
		return false;
	a.prefix = (uint8_t)prefix;
	if (is_zero(a.bytes, sizeof(a.bytes)))
		a.family = 0;
	*ret = a;
	return true;
}

const char *net_address_format(const struct net_address *a, char ret[NET_ADDRESS_TEXT_MAX])
{
	size_t n;

	ret[0] = '\0';
	if (!a->family || !inet_ntop(a->family, a->bytes, ret, NET_ADDRESS_TEXT_MAX))
		return ret;
	n = strlen(ret);
	if (a->prefix < bits_of(a->family))
		snprintf(ret + n, NET_ADDRESS_TEXT_MAX - n, "/%u", a->prefix);
	return ret;
}

bool net_address_is_host(const struct net_address *a)
{
	const uint8_t *b = a->bytes;

	if (a->family == AF_INET)
		return b[0] != 0 && b[0] != 127 && b[0] < 224;
	return a->family == AF_INET6 && b[0] != 0xff && !(is_zero(b, 15) && b[15] == 1);
}

bool net_address_is_link_local(const struct net_address *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool net_address_is_equal(const struct net_address *a, const struct net_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool net_address_has(const struct net_address *a, const struct net_address *b)
{
	size_t whole = a->prefix / 8;
	uint8_t mask = (uint8_t)(0xff00 >> a->prefix % 8);

	if (a->family != b->family || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return a->prefix % 8 == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}

bool net_mask_parse(const char *text, uint8_t family, uint8_t *ret_prefix)
{
	struct in_addr mask;
	unsigned prefix;
	uint32_t host_bits;

	if (parse_number(text, bits_of(family), &prefix)) {
		*ret_prefix = (uint8_t)prefix;
		return prefix > 0;
	}
	if (family != AF_INET || inet_pton(AF_INET, text, &mask) != 1)
		return false;
	host_bits = ~ntohl(mask.s_addr);
	if ((host_bits & (host_bits + 1)) != 0 || mask.s_addr == 0) /* ones behind a zero */
		return false;
	*ret_prefix = (uint8_t)(32 - __builtin_popcount(host_bits));
	return true;
}

uint8_t net_default_prefix(const struct net_address *a)
{
	if (a->family == AF_INET6)
		return 64;
	return a->bytes[0] < 128 ? 8 : a->bytes[0] < 192 ? 16 : 24;
}

bool net_mtu_parse(const char *text, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < MTU_LEAST || n > MTU_MOST)
		return false;
	*ret = (unsigned)n;
	return true;
}

bool net_mac_parse(const char *text, uint8_t ret[6])
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	uint8_t mac[6];

	for (size_t i = 0; i < 6; i++, text += 3) {
		const char *high = *text ? strchr(digits, text[0]) : NULL;
		const char *low = high && text[1] ? strchr(digits, text[1]) : NULL;

		if (!low || !(i < 5 ? text[2] == ':' || text[2] == '-' : text[2] == '\0'))
			return false;
		mac[i] = (uint8_t)((high - digits) % 16 * 16 + (low - digits) % 16);
	}
	memcpy(ret, mac, sizeof(mac));
	return true;
}

const char *net_mac_format(const uint8_t mac[6], char ret[18])
{
	snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return ret;
}

bool net_name_is_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= NET_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == '/' || *name == ':')
			return false;
	return true;
}

bool net_hostname_is_valid(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	size_t length = strlen(name);

	return length > 0 && length < NETWORK_HOSTNAME_MAX && strspn(name, letters) == length &&
	       !strchr("-.", name[0]) && !strchr("-.", name[length - 1]) && !strstr(name, "..");
}

void net_config_add_dns(struct net_config *c, const struct net_address *server)
{
	if (!server->family || c->n_dns == NET_DNS_MAX)
		return;
	for (size_t i = 0; i < c->n_dns; i++)
		if (net_address_is_equal(&c->dns[i], server))
			return;
	c->dns[c->n_dns++] = *server;
}

/* The kernel refuses a route to an address that has bits behind the prefix. */
static void clear_host_bits(struct net_address *a)
{
	size_t whole = a->prefix / 8;

	if (a->prefix % 8)
		a->bytes[whole++] &= (uint8_t)(0xff00 >> a->prefix % 8);
	memset(a->bytes + whole, 0, sizeof(a->bytes) - whole);
}

void net_config_add_route(struct net_config *c, const struct net_address *to,
			  const struct net_address *gateway)
{
	struct net_route route = { .to = to ? *to : *gateway, .gateway = *gateway };

	if (!route.to.family || c->n_routes == NET_ROUTES_MAX)
		return;
	if (!to)
		route.to.prefix = 0;
	clear_host_bits(&route.to);
	c->routes[c->n_routes++] = route;
}

const struct net_address *net_config_gateway(const struct net_config *c)
{
	for (size_t i = 0; i < c->n_routes; i++)
		if (c->routes[i].to.prefix == 0 && c->routes[i].gateway.family)
			return &c->routes[i].gateway;
	return NULL;
}
