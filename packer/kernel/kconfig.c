/* Lines, searched one by one: a configuration has ten thousand, and a check asks for a hundred symbols. */
#include "kernel/kconfig.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* ---- fragments ---- */

/* Adds the words of a line to a text, with a blank between. */
static void append(char *text, size_t room, const char *line, size_t length)
{
	size_t n = strlen(text);

	while (length > 0 && *line == ' ') {
		line++;
		length--;
	}
	if (n + 1 < room)
		snprintf(text + n, room - n, "%s%.*s", n ? " " : "", (int)length, line);
}

/* The text that a comment line belongs to; NULL: a version, which is read at once. *at goes behind the key. */
static char *text_of_key(struct kconfig_need *need, const char **at, size_t *ret_room)
{
	const struct {
		const char *key;
		char *text;
		size_t room;
	} keys[] = {
		{ "without: ", need->without, sizeof(need->without) },
		{ "or: ", need->alternatives, sizeof(need->alternatives) },
		{ "module: ", need->modules, sizeof(need->modules) },
		{ "for: ", need->architecture, sizeof(need->architecture) },
	};
	const struct {
		const char *key;
		unsigned *version;
	} versions[] = { { "since: ", &need->since }, { "until: ", &need->until } };

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (strncmp(*at, versions[i].key, strlen(versions[i].key)) == 0) {
			*versions[i].version = kconfig_version(*at + strlen(versions[i].key));
			return NULL;
		}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strncmp(*at, keys[i].key, strlen(keys[i].key)) == 0) {
			*at += strlen(keys[i].key);
			*ret_room = keys[i].room;
			return keys[i].text;
		}
	*ret_room = sizeof(need->reason);
	return need->reason;
}

static void read_comment(struct kconfig_need *need, const char *line, size_t length)
{
	const char *at = line + 1;
	size_t room = 0;
	char *text;

	at += at < line + length && *at == ' ';
	text = text_of_key(need, &at, &room);
	if (text)
		append(text, room, at, (size_t)(line + length - at));
}

bool kconfig_next(const char **at, struct kconfig_need *ret)
{
	*ret = (struct kconfig_need){ 0 };
	while (**at) {
		const char *line = *at;
		size_t length = strcspn(line, "\n");

		*at += length + (line[length] == '\n');
		if (strncmp(line, "CONFIG_", 7) == 0) {
			snprintf(ret->symbol, sizeof(ret->symbol), "%.*s",
				 (int)strcspn(line, "=\n"), line);
			return true;
		}
		if (*line == '#')
			read_comment(ret, line, length);
		else
			*ret = (struct kconfig_need){ 0 };
	}
	return false;
}

/* ---- configurations ---- */

bool kconfig_is(const char *text)
{
	const char *line = strncmp(text, "CONFIG_", 7) == 0 ? text : strstr(text, "\nCONFIG_");

	if (!line)
		return false;
	line += *line == '\n';
	return line[strspn(line,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_abcdefghijklmnopqrstuvwxyz")] ==
	       '=';
}

enum kconfig_value kconfig_value(const char *config, const char *symbol)
{
	size_t n = strlen(symbol);

	for (const char *at = config; (at = strstr(at, symbol)); at += n) {
		if ((at > config && at[-1] != '\n') || at[n] != '=')
			continue;
		if (at[n + 1] == 'm')
			return KCONFIG_MODULE;
		return at[n + 1] == 'n' ? KCONFIG_NO : KCONFIG_YES;
	}
	return KCONFIG_NO;
}

unsigned kconfig_version(const char *text)
{
	char *end;
	unsigned long major = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;

	if (major == 0 || major > 255 || *end != '.' || !isdigit((unsigned char)end[1]))
		return 0;
	return (unsigned)(major << 8 | (strtoul(end + 1, NULL, 10) & 255));
}

void kconfig_release(const char *config, char ret[32])
{
	const char *at = strstr(config, "# Linux");
	size_t n;

	*ret = '\0';
	if (!at || (at > config && at[-1] != '\n'))
		return;
	at += strcspn(at, " \n"); /* behind the # */
	for (int word = 0; word < 2 && *at == ' '; word++) {
		n = strcspn(++at, " \n");
		if (kconfig_version(at) && n < 32)
			snprintf(ret, 32, "%.*s", (int)n, at);
		at += n;
	}
}

const char *kconfig_architecture(const char *config)
{
	if (kconfig_value(config, "CONFIG_X86_64") == KCONFIG_YES)
		return "x86_64";
	return kconfig_value(config, "CONFIG_ARM64") == KCONFIG_YES ? "aarch64" : NULL;
}
