/* Lines of an etc/crypttab and of its kin. */
#include "root/crypttab.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/fields.h"
#include "root/table_marks.h"

#define FIELDS 5

/* A key may lie on a device of its own: /path:UUID=… */
static bool is_on_disk(struct field key)
{
	const char *colon = key.size ? memrchr(key.at, ':', key.size) : NULL;

	return colon && device_kind_of((struct field){ colon + 1,
						       key.size - (size_t)(colon + 1 - key.at) }) ==
				DEVICE_DISK;
}

static bool is_absent(struct field device)
{
	enum device_kind kind = device_kind_of(device);

	return kind == DEVICE_DISK || kind == DEVICE_OTHER;
}

/* False for a line that is no entry. */
static bool parse(struct field line, struct field ret[FIELDS])
{
	const char *at = line.at, *end = line.at + line.size;

	for (size_t i = 0; i < FIELDS; i++)
		ret[i] = field_next(&at, end);
	return ret[1].size > 0 && *ret[0].at != '#';
}

static struct field options_of(const struct field fields[FIELDS], enum crypttab_format format)
{
	return fields[format == CRYPTTAB_VERITY ? 4 : 3];
}

static bool needs_disk(const struct field fields[FIELDS], enum crypttab_format format)
{
	if (is_absent(fields[1]) || field_has_option(options_of(fields, format), "swap"))
		return true;
	return format == CRYPTTAB_VERITY ? is_absent(fields[2]) : is_on_disk(fields[2]);
}

static const char *mark(struct field line, void *arg)
{
	enum crypttab_format format = *(enum crypttab_format *)arg;
	struct field fields[FIELDS], options;

	if (!parse(line, fields))
		return NULL;
	options = options_of(fields, format);
	if (field_has_option(options, "nofail") || field_has_option(options, "noauto"))
		return NULL;
	return needs_disk(fields, format) ? TABLE_NO_DISK : NULL;
}

int crypttab_without_disks(const char *text, size_t size, enum crypttab_format format, char **ret,
			   size_t *ret_size)
{
	return lines_mark(text, size, mark, &format, ret, ret_size);
}

int crypttab_each_mapped(const char *text, size_t size, enum crypttab_format format,
			 int (*each)(struct field name, void *arg), void *arg)
{
	const char *next = text;
	struct field line, fields[FIELDS];
	int r = 0;

	while (r == 0 && line_next(&next, text + size, &line))
		if (parse(line, fields) && !needs_disk(fields, format))
			r = each(fields[0], arg);
	return r;
}

int crypttab_each_swap_file(const char *text, size_t size, int (*each)(const char *path, void *arg),
			    void *arg)
{
	const char *next = text;
	char path[PATH_MAX];
	struct field line;
	int r = 0;

	while (r == 0 && line_next(&next, text + size, &line)) {
		const char *at = line.at, *end = line.at + line.size;
		struct field name = field_next(&at, end), device = field_next(&at, end);

		(void)field_next(&at, end); /* the key */
		if (name.size > 0 && *name.at != '#' && device_kind_of(device) == DEVICE_FILE &&
		    field_has_option(field_next(&at, end), "swap") &&
		    field_decode_path(device, path, sizeof(path)))
			r = each(path, arg);
	}
	return r;
}
