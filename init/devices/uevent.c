/* One pass over KEY=value lines. */
#include "devices/uevent.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* False when value is no whole number of that base. */
static bool read_number(const char *value, int base, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(value, &end, base);

	if (*value < '0' || *value > '9' || *end || n > INT_MAX)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* A name below /dev: "sda", "input/event0", "bus/usb/001/002". */
static bool is_safe_name(const char *name)
{
	for (const char *part = name;; part++) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
			return false;
		part += n;
		if (!*part)
			return true;
	}
}

static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == '=' ? line + n + 1 : NULL;
}

static void read_line(const char *line, struct uevent *u, bool *has_major, bool *has_minor)
{
	const char *value;

	if ((value = value_of(line, "ACTION")))
		u->action = value;
	else if ((value = value_of(line, "SUBSYSTEM")))
		u->subsystem = value;
	else if ((value = value_of(line, "MODALIAS")))
		u->modalias = value;
	else if ((value = value_of(line, "DEVNAME")))
		u->devname = value;
	else if ((value = value_of(line, "MAJOR")))
		*has_major = read_number(value, 10, &u->major);
	else if ((value = value_of(line, "MINOR")))
		*has_minor = read_number(value, 10, &u->minor);
	else if ((value = value_of(line, "DEVMODE")) && !read_number(value, 8, &u->mode))
		u->mode = 0600;
}

bool uevent_parse(char *text, size_t size, struct uevent *ret)
{
	struct uevent u = { .mode = 0600 };
	bool has_major = false, has_minor = false;

	for (size_t at = 0, n; at < size; at += n + 1) {
		n = strcspn(text + at, "\n");
		text[at + n] = '\0';
		read_line(text + at, &u, &has_major, &has_minor);
	}
	u.mode &= 0777;
	if (!has_major || !has_minor || (u.devname && !is_safe_name(u.devname)))
		u.devname = NULL;
	if (!u.modalias && !u.devname)
		return false;
	*ret = u;
	return true;
}
