/* Parsers of addresses and names. */
#include "base/net_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LENGTH_MAX 32

/* A decimal number without sign, and without leading zero, which some programs read as octal. */
static bool number_parse(const char **text, unsigned most, unsigned *ret)
{
	const char *at = *text;
	unsigned value = 0;

	while (*at >= '0' && *at <= '9' && at - *text < 3)
		value = value * 10 + (unsigned)(*at++ - '0');
	if (at == *text || value > most || (**text == '0' && at - *text > 1))
		return false;
	*text = at;
	*ret = value;
	return true;
}

static bool address_parse(const char **text, uint32_t *ret)
{
	uint32_t address = 0;
	unsigned byte;

	for (int i = 0; i < 4; i++) {
		if (i > 0 && *(*text)++ != '.')
			return false;
		if (!number_parse(text, 255, &byte))
			return false;
		address = address << 8 | byte;
	}
	*ret = address;
	return true;
}

bool ipv4_parse(const char *text, uint32_t *ret)
{
	return address_parse(&text, ret) && *text == '\0';
}

char *ipv4_format(char ret[IPV4_TEXT_MAX], uint32_t address)
{
	snprintf(ret, IPV4_TEXT_MAX, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		 address >> 8 & 255, address & 255);
	return ret;
}

uint32_t subnet_mask(const struct subnet *s)
{
	return ~(uint32_t)0 << (32 - s->bits);
}

bool subnet_parse(const char *text, struct subnet *ret)
{
	struct subnet s;

	if (!address_parse(&text, &s.address) || *text++ != '/' ||
	    !number_parse(&text, 30, &s.bits) || s.bits < 8 || *text)
		return false;
	s.address &= subnet_mask(&s);
	*ret = s;
	return true;
}

bool subnet_has(const struct subnet *s, uint32_t address)
{
	uint32_t host = address & ~subnet_mask(s);

	return (address & subnet_mask(s)) == s->address && host != 0 && host != ~subnet_mask(s);
}

bool mac_parse(const char *text, size_t length, char separator, char ret[MAC_TEXT_MAX])
{
	if (length != MAC_TEXT_MAX - 1)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (i % 3 == 2 ? c != ':' && c != '-' : !isxdigit((unsigned char)c))
			return false;
		ret[i] = i % 3 == 2 ? separator : (char)tolower((unsigned char)c);
	}
	ret[length] = '\0';
	return true;
}

bool mac_is_of_card(const char mac[MAC_TEXT_MAX])
{
	return strchr("02468ace", mac[1]) && strspn(mac, "0:") < MAC_TEXT_MAX - 1;
}

bool name_is_plain(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= NAME_LENGTH_MAX && name[n] == '\0' && *name != '-';
}

/* dnsmasq would take these for something else. */
static bool is_word_of_dnsmasq(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	return strcmp(name, "ignore") == 0 || strcmp(name, "infinite") == 0 ||
	       (digits > 0 && strchr("wdhmsWDHMS", name[digits]) &&
		(!name[digits] || !name[digits + 1]));
}

bool host_name_is_plain(const char *name)
{
	size_t n = strlen(name);

	return name_is_plain(name) && !strchr(name, '_') && name[n - 1] != '-' &&
	       !is_word_of_dnsmasq(name);
}

/* iPXE's command_terminator(): these words, and what begins a comment. */
static bool ends_command(const char *word, size_t n)
{
	return (n > 0 && *word == '#') || (n == 1 && *word == ';') ||
	       (n == 2 && (memcmp(word, "&&", 2) == 0 || memcmp(word, "||", 2) == 0));
}

bool text_is_plain(const char *text)
{
	size_t n;

	if (strstr(text, "${"))
		return false;
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			return false;
	for (const char *word = text; *word; word += n + (word[n] == ' ')) {
		n = strcspn(word, " ");
		if (ends_command(word, n))
			return false;
	}
	return true;
}
