/* UTF-8 that may be shown, and octal for all else. */
#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define CUT "..."

/* Characters that are valid and not for terminals: C1 controls, ends of lines, marks of direction, noncharacters that
 * some take for a byte order. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x80, 0x9f },     { 0x061c, 0x061c },   { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0xd800, 0xdfff },   { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
	{ 0xfffe, 0xffff }, { 0xe0000, 0xe007f },
};

static bool is_hidden(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return false;
}

/* Bytes of a sequence that starts so, and the least value that needs that many. */
static size_t sequence(unsigned char lead, uint32_t *ret_bits, uint32_t *ret_least)
{
	static const struct {
		unsigned char mask, mark;
		uint32_t least;
	} kinds[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if ((lead & kinds[i].mask) != kinds[i].mark)
			continue;
		*ret_bits = lead & (unsigned char)~kinds[i].mask;
		*ret_least = kinds[i].least;
		return i + 2;
	}
	return 0;
}

size_t escape_printable(const char *text, size_t length)
{
	uint32_t c, least;
	size_t n;

	if (length == 0)
		return 0;
	if (*text >= 0x20 && *text < 0x7f)
		return 1;
	n = sequence((unsigned char)*text, &c, &least);
	if (n == 0 || n > length)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char byte = (unsigned char)text[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (byte & 0x3f);
	}
	return c < least || c > 0x10ffff || is_hidden(c) ? 0 : n;
}

void escape_byte(unsigned char byte, char ret[ESCAPE_SIZE + 1])
{
	snprintf(ret, ESCAPE_SIZE + 1, "\\%03o", (unsigned)byte);
}

static bool is_octal(const char *digits)
{
	for (size_t i = 0; i < 3; i++)
		if (digits[i] < '0' || digits[i] > '7')
			return false;
	return true;
}

/* Bytes that stay together: a character, or an escape of an earlier time. 0: one byte that must be escaped. */
static size_t unit(const char *text, size_t length)
{
	if (length >= ESCAPE_SIZE && *text == '\\' && is_octal(text + 1))
		return ESCAPE_SIZE;
	return escape_printable(text, length);
}

void escape_text(const char *text, char *ret, size_t room)
{
	size_t left = strlen(text), used = 0, fit = 0, n, size;
	char escaped[ESCAPE_SIZE + 1];

	for (; left > 0; text += n, left -= n, used += size) {
		n = unit(text, left);
		size = n ? n : ESCAPE_SIZE;
		if (used + size >= room) {
			memcpy(ret + fit, CUT, sizeof(CUT));
			return;
		}
		escape_byte((unsigned char)*text, escaped);
		memcpy(ret + used, n ? text : escaped, size);
		n = n ? n : 1;
		if (used + size + sizeof(CUT) <= room)
			fit = used + size;
	}
	ret[used] = '\0';
}

size_t escape_fit(const char *text, size_t max)
{
	size_t length = strlen(text), at = 0, n;

	for (; at < length; at += n) {
		n = unit(text + at, length - at);
		n = n ? n : 1;
		if (at + n > max)
			return at ? at : n;
	}
	return at;
}
