/*
 * Parsers for addresses, subnets, MAC addresses, names, and text for iPXE scripts. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPV4_TEXT_MAX 16 /* including the NUL */
#define MAC_TEXT_MAX 18

struct subnet {
	uint32_t address; /* of the network, in host order */
	unsigned bits;
};

/* "192.168.7.1", in host order. */
bool ipv4_parse(const char *text, uint32_t *ret);
char *ipv4_format(char ret[IPV4_TEXT_MAX], uint32_t address);

/* "192.168.7.0/24", with 8 to 30 bits. The address may be any in the subnet. */
bool subnet_parse(const char *text, struct subnet *ret);
uint32_t subnet_mask(const struct subnet *s);

/* Can a machine have this address: is it in the subnet, and neither network nor broadcast address? */
bool subnet_has(const struct subnet *s, uint32_t address);

/* Six bytes in hexadecimal, separated by : or -; reads at most length characters. Writes them in lower case with the
 * given separator. */
bool mac_parse(const char *text, size_t length, char separator, char ret[MAC_TEXT_MAX]);

/* Can a network card have it, as mac_parse() wrote it: it is neither that of a group nor all zeros? */
bool mac_is_of_card(const char mac[MAC_TEXT_MAX]);

/* Is it a name for files, labels and hosts: at most 32 letters, digits, _ and -, not starting with -? */
bool name_is_plain(const char *name);

/* The same for the name of a machine: without _, no - at its end, and nothing that a DHCP server could take for a time. */
bool host_name_is_plain(const char *name);

/* Can it be put into an iPXE script: printable ASCII without ${, without the words &&, || and ;, and without words
 * that begin with #? */
bool text_is_plain(const char *text);
