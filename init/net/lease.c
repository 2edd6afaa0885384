/* What udhcpc's program passes on, and what is taken of it. */
#include "net/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

/* ---- in the program that udhcpc starts ---- */

bool lease_is_event(int argc, char **argv)
{
	static const char *const events[] = { "deconfig", "bound", "renew", "nak", "leasefail" };

	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(events); i++)
		if (strcmp(argv[1], events[i]) == 0)
			return getenv("interface") != NULL;
	return false;
}

/* The kernel puts the arguments and, right behind them, the environment into memory, each text ended by NUL. */
int lease_print(char **argv)
{
	extern char **environ;
	const char *end = argv[1];
	size_t size;

	for (char **text = environ; *text; text++)
		if (*text > end)
			end = *text;
	size = (size_t)(end - argv[1]) + strlen(end) + 1;
	return write(STDOUT_FILENO, argv[1], size) == (ssize_t)size ? 0 : 1;
}

/* ---- in the network process ---- */

struct texts {
	const char *at;
	size_t size; /* the last byte is a NUL */
};

/* The value of a variable; NULL: it is not there. */
static const char *value_of(const struct texts *t, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < t->size; i += strlen(t->at + i) + 1)
		if (strncmp(t->at + i, name, n) == 0 && t->at[i + n] == '=')
			return t->at + i + n + 1;
	return NULL;
}

/* Copies the next word of a list with blanks between, and moves *list behind it. False: there is none. Words that are too
 * long for any address are skipped. */
static bool next_word(const char **list, char ret[64])
{
	size_t size;

	while (*list && **list) {
		*list += strspn(*list, " ");
		size = strcspn(*list, " ");
		*list += size;
		if (size > 0 && size < 64) {
			memcpy(ret, *list - size, size);
			ret[size] = '\0';
			return true;
		}
	}
	return false;
}

static bool parse_host(const char *text, struct net_address *ret)
{
	return net_address_parse(text, ret) && ret->family == AF_INET && ret->prefix == 32 &&
	       net_address_is_host(ret);
}

/* None (0.0.0.0) gives family 0. */
static bool parse_gateway(const char *text, struct net_address *ret)
{
	return parse_host(text, ret) || (net_address_parse(text, ret) && !ret->family);
}

/* udhcpc has the length of the prefix in "mask", and the mask in "subnet". */
static void read_mask(const struct texts *t, struct net_address *address)
{
	const char *prefix = value_of(t, "mask"), *mask = value_of(t, "subnet");

	if (!(prefix && net_mask_parse(prefix, AF_INET, &address->prefix)) &&
	    !(mask && net_mask_parse(mask, AF_INET, &address->prefix)))
		address->prefix = net_default_prefix(address);
}

/* Option 121: "NETWORK/PREFIX GATEWAY NETWORK/PREFIX GATEWAY". Where it is given, RFC 3442 says, routers do not count. A
 * network without gateway (0.0.0.0) is on the link itself. */
static void read_static_routes(const struct texts *t, struct net_config *c)
{
	const char *list = value_of(t, "staticroutes");
	char to[64], gateway[64];
	struct net_route r;

	while (next_word(&list, to) && next_word(&list, gateway)) {
		if (!net_address_parse(to, &r.to) || !parse_gateway(gateway, &r.gateway))
			continue;
		if (!r.to.family && r.to.prefix == 0)
			r.to.family = AF_INET;
		if (r.to.family == AF_INET)
			net_config_add_route(c, &r.to, &r.gateway);
	}
}

static void read_routers(const struct texts *t, struct net_config *c)
{
	const char *list = value_of(t, "router");
	struct net_address gateway;
	char word[64];

	while (c->n_routes == 0 && next_word(&list, word))
		if (parse_host(word, &gateway))
			net_config_add_route(c, NULL, &gateway);
}

static void read_dns(const struct texts *t, struct net_config *c)
{
	const char *list = value_of(t, "dns"), *domain = value_of(t, "domain");
	struct net_address server;
	char word[64];

	while (next_word(&list, word))
		if (parse_host(word, &server))
			net_config_add_dns(c, &server);
	/* udhcpc says "bad" for what it does not like itself. */
	if (domain && *domain && strcmp(domain, "bad") != 0 && strlen(domain) < sizeof(c->domain) &&
	    strspn(domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
		    strlen(domain))
		strcpy(c->domain, domain);
}

static void read_hostname(const struct texts *t, struct net_config *c)
{
	const char *name = value_of(t, "hostname");

	if (name && strcmp(name, "bad") != 0 && net_hostname_is_valid(name))
		strcpy(c->hostname, name);
}

static void read_mtu(const struct texts *t, struct net_config *c)
{
	const char *text = value_of(t, "mtu");

	if (text)
		(void)net_mtu_parse(text, &c->mtu);
}

/* The first of option 7. busybox has no name for it, and gives its bytes in hexadecimal. */
static void read_log_server(const struct texts *t, struct net_config *c)
{
	const char *hex = value_of(t, "opt7");
	uint8_t a[4];

	if (hex && sscanf(hex, "%2hhx%2hhx%2hhx%2hhx", &a[0], &a[1], &a[2], &a[3]) == 4)
		snprintf(c->log, sizeof(c->log), "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

static bool read_lease(const struct texts *t, struct net_config *c)
{
	const char *ip = value_of(t, "ip"), *server = value_of(t, "serverid");
	struct net_address a;

	memset(c, 0, sizeof(*c)); /* what lies between the fields, too: leases are compared */
	if (!ip || !parse_host(ip, &c->address))
		return false;
	read_mask(t, &c->address);
	read_static_routes(t, c);
	read_routers(t, c);
	read_dns(t, c);
	read_hostname(t, c);
	read_mtu(t, c);
	read_log_server(t, c);
	if (server && parse_host(server, &a))
		strcpy(c->from, server);
	return true;
}

enum lease_event lease_parse(const char *text, size_t size, struct net_config *ret)
{
	struct texts t = { text, size };

	if (size == 0 || text[size - 1] != '\0')
		return LEASE_FAILED;
	if (strcmp(text, "bound") == 0 || strcmp(text, "renew") == 0)
		return read_lease(&t, ret) ? LEASE_BOUND : LEASE_FAILED;
	return LEASE_NONE;
}
