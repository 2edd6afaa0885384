/*
 * What a network card is configured with, from wherever it comes: addresses, routes, DNS. Pure: texts in, structs out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"

#define NET_DNS_MAX 3 /* as many as resolvers take */
#define NET_ROUTES_MAX 16
#define NET_ADDRESS_TEXT_MAX 52 /* "ADDRESS/PREFIX" and a NUL */
#define NET_NAME_MAX 16         /* of a card, IFNAMSIZ */

struct net_address {
	uint8_t family; /* AF_INET, AF_INET6; 0 = none */
	uint8_t prefix; /* its length in bits */
	uint8_t bytes[16];
};

struct net_route {
	struct net_address to;      /* a prefix of 0 bits: everything */
	struct net_address gateway; /* family 0: the network is on the link itself */
};

struct net_config {
	struct net_address address;
	struct net_route routes[NET_ROUTES_MAX];
	size_t n_routes;
	struct net_address dns[NET_DNS_MAX];
	size_t n_dns;
	char domain[256];                    /* "" = none */
	char hostname[NETWORK_HOSTNAME_MAX]; /* of the machine; "" = not told */
	unsigned mtu;                        /* bytes; 0 = the card's own */
	char log[16];                        /* a log server; "" = none */
	char from[48];                       /* who said so, for people */
};

/* "192.0.2.1", "2001:db8::1", the latter in brackets or not, with "/PREFIX" or without (then the whole address). False: it is
 * no such address. The unspecified address (all zeros) is read as family 0. */
bool net_address_parse(const char *text, struct net_address *ret);

/* With its prefix unless that is the whole address. Returns ret. */
const char *net_address_format(const struct net_address *a, char ret[NET_ADDRESS_TEXT_MAX]);

/* Is it one that a single machine can have? Not multicast, loopback, nor the rest that is reserved. */
bool net_address_is_host(const struct net_address *a);

/* Is it an IPv6 address that says nothing without the name of the card? */
bool net_address_is_link_local(const struct net_address *a);

bool net_address_is_equal(const struct net_address *a, const struct net_address *b);

/* Is b in the network of a? */
bool net_address_has(const struct net_address *a, const struct net_address *b);

/* "255.255.255.0" or "24", for an address of that family. False: it is no mask. */
bool net_mask_parse(const char *text, uint8_t family, uint8_t *ret_prefix);

/* The mask that an IPv4 address had before there were prefixes, 64 bits for IPv6: where none is given. */
uint8_t net_default_prefix(const struct net_address *a);

/* A number of bytes from 576, which every network has (RFC 791), to 65535. False: it is none; *ret is untouched. */
bool net_mtu_parse(const char *text, unsigned *ret);

/* "52:54:00:12:34:56", or with "-". */
bool net_mac_parse(const char *text, uint8_t ret[6]);
const char *net_mac_format(const uint8_t mac[6], char ret[18]);

/* Can a card have that name? */
bool net_name_is_valid(const char *name);

/* Can a machine be called so? Letters, digits, "-" and ".", with no "-" or "." at either end. */
bool net_hostname_is_valid(const char *name);

/* Adds a DNS server behind the others, unless it is there, is none, or there are enough. A server that is all zeros would
 * break musl's resolver, which asks all at once. */
void net_config_add_dns(struct net_config *c, const struct net_address *server);

/* Adds a route to the network that to is in; ignored when there are enough. to = NULL: the default route, ignored without a
 * gateway. */
void net_config_add_route(struct net_config *c, const struct net_address *to,
			  const struct net_address *gateway);

/* The gateway of the default route; NULL: there is none. */
const struct net_address *net_config_gateway(const struct net_config *c);
