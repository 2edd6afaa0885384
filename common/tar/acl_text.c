/* Entries of an ACL, cut apart in place, and put together. */
#include "tar/acl_text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

#define FIELDS_MAX 4     /* tag, name, permissions, number */
#define ENTRIES_MAX 8191 /* what an attribute of 64 KiB holds, the most that Linux has */

static const struct {
	const char *name;
	uint16_t tag,
		named_tag; /* without and with the name of somebody; 0: there is no such entry */
} tags[] = {
	{ "user", 0x01, 0x02 }, { "u", 0x01, 0x02 }, { "group", 0x04, 0x08 }, { "g", 0x04, 0x08 },
	{ "mask", 0x10, 0 },    { "m", 0x10, 0 },    { "other", 0x20, 0 },    { "o", 0x20, 0 },
};

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t");
	for (end = text + strlen(text); end > text && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return text;
}

static int parse_permissions(const char *text, uint16_t *ret)
{
	if (!*text || text[strspn(text, "rwx-")])
		return -EINVAL;
	*ret = (uint16_t)((strchr(text, 'r') ? 4 : 0) | (strchr(text, 'w') ? 2 : 0) |
			  (strchr(text, 'x') ? 1 : 0));
	return 0;
}

static int parse_id(const char *text, uint32_t *ret)
{
	uint64_t id = 0;

	for (; isdigit((unsigned char)*text) && id <= UINT32_MAX; text++)
		id = id * 10 + (uint64_t)(*text - '0');
	if (*text || id >= UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)id;
	return 0;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static int find_tag(const char *name, bool named, uint16_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		if (strcmp(tags[i].name, name) != 0)
			continue;
		*ret = named ? tags[i].named_tag : tags[i].tag;
		return *ret ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* Between colons; "mask:r-x" and "other:r-x" leave an empty name out. */
static size_t split(char *entry, char *fields[FIELDS_MAX])
{
	size_t n = 0;

	for (char *next = entry; next && n < FIELDS_MAX; n++) {
		fields[n] = next;
		next = strchr(next, ':');
		if (next)
			*next++ = '\0';
		fields[n] = trim(fields[n]);
	}
	return n;
}

static int parse_entry(char *text, struct acl_named *ret)
{
	char *fields[FIELDS_MAX] = { NULL };
	size_t n = split(text, fields);
	uint16_t tag, permissions;
	int r;

	if (n == 2 && (*fields[0] == 'm' || *fields[0] == 'o')) {
		fields[2] = fields[1];
		fields[1] = fields[0] + strlen(fields[0]);
		n = 3;
	}
	if (n < 3)
		return -EINVAL;
	r = find_tag(fields[0], *fields[1], &tag);
	if (r == 0)
		r = parse_permissions(fields[2], &permissions);
	if (r < 0)
		return r;
	*ret = (struct acl_named){ { tag, permissions, ACL_UNDEFINED_ID }, "" };
	if (!*fields[1])
		return 0;
	if (n == 4 && *fields[3])
		return parse_id(fields[3], &ret->entry.id);
	if (is_number(fields[1]))
		return parse_id(fields[1], &ret->entry.id);
	ret->name = fields[1];
	return 0;
}

int acl_text_parse(char *text, struct acl_named *entries, size_t max)
{
	char *entry, *next;
	size_t n = 0;
	int r;

	for (entry = text; entry; entry = next) {
		next = strpbrk(entry, ",\n");
		if (next)
			*next++ = '\0';
		entry[strcspn(entry, "#")] = '\0'; /* what is effective, says getfacl */
		entry = trim(entry);
		if (!*entry)
			continue;
		if (n == max)
			return -E2BIG;
		r = parse_entry(entry, &entries[n++]);
		if (r < 0)
			return r;
	}
	return (int)n;
}

static int add(struct xattrs *x, const char *xattr_name, const struct acl_named *list, size_t n)
{
	_cleanup_free_ struct acl_entry *entries = calloc(n, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		entries[i] = list[i].entry;
	if (!acl_is_valid(entries, n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (*list[i].name)
			return aclnames_add(x, xattr_name, list, n);
	return xattrs_add_acl(x, xattr_name, entries, n);
}

int acl_text_add(struct xattrs *x, const char *xattr_name, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	_cleanup_free_ struct acl_named *list = NULL;
	size_t max = 1;
	int n;

	for (const char *at = text; (at = strpbrk(at, ",\n")) && max < ENTRIES_MAX; at++)
		max++;
	list = calloc(max, sizeof(*list));
	if (!copy || !list)
		return -ENOMEM;
	n = acl_text_parse(copy, list, max);
	if (n <= 0)
		return n;
	return add(x, xattr_name, list, (size_t)n);
}

/* ---- writing ---- */

/* Would this name be read as a number, as another name, or as the end of its field? */
static bool is_ambiguous(const char *name)
{
	return !*name || name[strcspn(name, ":,#\n")] || is_number(name) || strchr(" \t", *name) ||
	       isspace((unsigned char)name[strlen(name) - 1]);
}

static int write_owner(struct buffer *b, const struct acl_named *e)
{
	if (e->entry.id != ACL_UNDEFINED_ID)
		buffer_printf(b, "%u", e->entry.id);
	else if (is_ambiguous(e->name))
		return -EINVAL;
	else
		buffer_add_text(b, e->name);
	return 0;
}

static int write_entry(struct buffer *b, const struct acl_named *e)
{
	uint16_t tag = e->entry.tag, perm = e->entry.perm;
	int r = 0;

	for (size_t i = 0; tag && perm <= 7 && i < ARRAY_SIZE(tags); i++) {
		if (tags[i].tag != tag && tags[i].named_tag != tag)
			continue;
		buffer_printf(b, "%s:", tags[i].name);
		if (tags[i].named_tag == tag)
			r = write_owner(b, e);
		buffer_printf(b, ":%c%c%c", perm & 4 ? 'r' : '-', perm & 2 ? 'w' : '-',
			      perm & 1 ? 'x' : '-');
		return r;
	}
	return -EINVAL;
}

static int write_named(struct buffer *b, const void *value, size_t size)
{
	struct acl_named e;
	size_t cursor = 0;
	int r = 0;

	for (bool first = true; r == 0 && aclnames_next(value, size, &cursor, &e); first = false) {
		buffer_add(b, ",", !first);
		r = write_entry(b, &e);
	}
	return r;
}

static int write_numbered(struct buffer *b, const void *value, size_t size)
{
	size_t max = size / sizeof(struct acl_entry) + 1;
	_cleanup_free_ struct acl_entry *entries = calloc(max, sizeof(*entries));
	int n = entries ? acl_parse(value, size, entries, max) : -ENOMEM, r = n < 0 ? n : 0;

	for (int i = 0; r == 0 && i < n; i++) {
		buffer_add(b, ",", i > 0);
		r = write_entry(b, &(struct acl_named){ entries[i], "" });
	}
	return r;
}

int acl_text_write(struct buffer *b, bool named, const void *value, size_t size)
{
	int r = named ? write_named(b, value, size) : write_numbered(b, value, size);

	return r == 0 && b->failed ? -ENOMEM : r;
}
