/* Lines of an etc/fstab. */
#include "fstab.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define MARK "# no disk (tarboot pack): "

struct word {
	const char *at;
	size_t size;
};

static bool is(struct word w, const char *text)
{
	return w.size == strlen(text) && memcmp(w.at, text, w.size) == 0;
}

static bool starts_with(struct word w, const char *text)
{
	return w.size >= strlen(text) && memcmp(w.at, text, strlen(text)) == 0;
}

static struct word next_word(const char **at, const char *end)
{
	struct word w;

	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	w.at = *at;
	while (*at < end && **at != ' ' && **at != '\t' && **at != '\r')
		(*at)++;
	w.size = (size_t)(*at - w.at);
	return w;
}

/* Options stand between commas. */
static bool has_option(struct word options, const char *name)
{
	size_t n = strlen(name);
	const char *end = options.at + options.size, *comma;

	for (const char *at = options.at; at < end; at = comma + 1) {
		comma = memchr(at, ',', (size_t)(end - at));
		if (!comma)
			comma = end;
		if ((size_t)(comma - at) == n && memcmp(at, name, n) == 0)
			return true;
	}
	return false;
}

static bool names_disk(struct word device)
{
	static const char *const starts[] = { "/dev/",     "UUID=",      "LABEL=",
					      "PARTUUID=", "PARTLABEL=", "ID=" };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (starts_with(device, starts[i]))
			return true;
	return false;
}

static bool needs_disk(const char *line, const char *end)
{
	struct word device = next_word(&line, end), where = next_word(&line, end),
		    type = next_word(&line, end), options = next_word(&line, end);

	if (device.size == 0 || *device.at == '#' || where.size == 0)
		return false;
	if (is(where, "/"))
		return true;
	if (has_option(options, "nofail") || has_option(options, "noauto"))
		return false;
	return is(type, "swap") || names_disk(device);
}

int fstab_without_disks(const char *text, size_t size, char **ret, size_t *ret_size)
{
	const char *end = text + size, *newline;
	size_t lines = 1, at = 0;
	int changed = 0;
	char *out;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	out = malloc(size + lines * strlen(MARK) + 1);
	if (!out)
		return -ENOMEM;
	for (const char *line = text; line < end; line = newline) {
		newline = memchr(line, '\n', (size_t)(end - line));
		newline = newline ? newline + 1 : end;
		if (needs_disk(line, newline - (newline[-1] == '\n'))) {
			memcpy(out + at, MARK, strlen(MARK));
			at += strlen(MARK);
			changed++;
		}
		memcpy(out + at, line, (size_t)(newline - line));
		at += (size_t)(newline - line);
	}
	*ret = out;
	*ret_size = at;
	return changed;
}
