/*
 * What people write about networks: addresses, subnets, MACs, and texts that go into an iPXE script. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPV4_TEXT_MAX 16 /* with NUL */
#define MAC_TEXT_MAX 18

struct subnet {
	uint32_t address; /* of the network, in host order */
	unsigned bits;
};

/* "192.168.7.1", in host order. */
bool ipv4_parse(const char *text, uint32_t *ret);
char *ipv4_format(char ret[IPV4_TEXT_MAX], uint32_t address);

/* "192.168.7.0/24", with 8 to 30 bits; the address may be any of the subnet's. */
bool subnet_parse(const char *text, struct subnet *ret);
uint32_t subnet_mask(const struct subnet *s);

/* Is it the address of a machine there: inside, and neither the network's nor the broadcast address? */
bool subnet_has(const struct subnet *s, uint32_t address);

/* Six bytes in hexadecimal, with : or - between; at most length characters of text. Writes them in lower case with the
 * given separator. */
bool mac_parse(const char *text, size_t length, char separator, char ret[MAC_TEXT_MAX]);

/* A name for a file, a label and a host: letters, digits, _ and -, which is not first; at most 32. */
bool name_is_plain(const char *name);

/* May it stand in a line of an iPXE script as it is: printable ASCII without ${ and without && and || as words? */
bool text_is_plain(const char *text);
