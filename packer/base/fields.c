/* Fields, lines, and names of devices. */
#include "base/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct field field_next(const char **at, const char *end)
{
	struct field f;

	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	f.at = *at;
	while (*at < end && **at != ' ' && **at != '\t' && **at != '\r')
		(*at)++;
	f.size = (size_t)(*at - f.at);
	return f;
}

bool field_is(struct field f, const char *text)
{
	return f.size == strlen(text) && memcmp(f.at, text, f.size) == 0;
}

bool field_starts_with(struct field f, const char *text)
{
	return f.size >= strlen(text) && memcmp(f.at, text, strlen(text)) == 0;
}

bool field_contains(struct field f, const char *text)
{
	return f.size > 0 && memmem(f.at, f.size, text, strlen(text));
}

bool field_is_one_of(struct field f, const char *const *list)
{
	for (; *list; list++)
		if (field_is(f, *list))
			return true;
	return false;
}

bool field_next_part(struct field *rest, char separator, struct field *ret)
{
	const char *found = rest->size ? memchr(rest->at, separator, rest->size) : NULL;
	size_t n = found ? (size_t)(found - rest->at) : rest->size;

	if (rest->size == 0)
		return false;
	*ret = (struct field){ rest->at, n };
	n += found ? 1 : 0;
	*rest = (struct field){ rest->at + n, rest->size - n };
	return true;
}

bool field_has_option(struct field options, const char *name)
{
	struct field option;

	while (field_next_part(&options, ',', &option))
		if (field_is(option, name))
			return true;
	return false;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

bool field_decode_path(struct field f, char *ret, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < f.size; i++) {
		const char *c = f.at + i;
		bool escaped = *c == '\\' && f.size - i > 3 && is_octal(c[1]) && is_octal(c[2]) &&
			       is_octal(c[3]);

		if (n + 1 >= room)
			return false;
		ret[n++] = escaped ? (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'))
				   : *c;
		i += escaped ? 3 : 0;
	}
	while (n > 1 && ret[n - 1] == '/')
		n--;
	ret[n] = '\0';
	return true;
}

static bool is_blank_or_quote(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '"' || c == '\'';
}

struct field field_unquote(const char *at, const char *end)
{
	while (at < end && is_blank_or_quote(*at))
		at++;
	while (end > at && is_blank_or_quote(end[-1]))
		end--;
	return (struct field){ at, (size_t)(end - at) };
}

bool line_next(const char **at, const char *end, struct field *ret)
{
	const char *newline = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

	if (*at == end)
		return false;
	*ret = (struct field){ *at, (size_t)((newline ? newline : end) - *at) };
	*at = newline ? newline + 1 : end;
	return true;
}

int lines_mark(const char *text, size_t size, const char *(*mark)(struct field line, void *arg),
	       void *arg, char **ret, size_t *ret_size)
{
	const char *next = text, *end = text + size, *said;
	size_t lines = 1, at = 0;
	struct field line;
	int marked = 0;
	char *out;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	out = malloc(size + lines * LINE_MARK_MAX + 1);
	if (!out)
		return -ENOMEM;
	while (line_next(&next, end, &line)) {
		said = mark(line, arg);
		if (said) {
			memcpy(out + at, said, strlen(said));
			at += strlen(said);
			marked++;
		}
		memcpy(out + at, line.at, (size_t)(next - line.at));
		at += (size_t)(next - line.at);
	}
	*ret = out;
	*ret_size = at;
	return marked;
}

/* A name like UUID=…, for libmount in capitals. Whatever it is, a machine without disks has none. */
static bool is_tag(struct field device)
{
	size_t n = 0;

	while (n < device.size && device.at[n] >= 'A' && device.at[n] <= 'Z')
		n++;
	return n > 0 && n < device.size && device.at[n] == '=';
}

enum device_kind device_kind_of(struct field device)
{
	static const char *const memory[] = { "/dev/zram", "/dev/ram", "/dev/shm", "/dev/fuse" };

	for (size_t i = 0; i < ARRAY_SIZE(memory); i++)
		if (field_starts_with(device, memory[i]))
			return DEVICE_MEMORY;
	/* Quotes around the whole are part of the name: no machine has such a device. */
	if (field_starts_with(device, "/dev/") || is_tag(device) ||
	    field_starts_with(device, "\"") || field_starts_with(device, "'"))
		return DEVICE_DISK;
	return field_starts_with(device, "/") && !field_starts_with(device, "//") ? DEVICE_FILE
										  : DEVICE_OTHER;
}
