/* Names and values out of records. */
#include "tar/tar_xattrs.h"

#include <ctype.h>
#include <errno.h>

#include "tar/acl_text.h"
#include "tar/tar_header.h"

#define NAME_MAX_BYTES 255     /* XATTR_NAME_MAX of Linux */
#define ACL_TEXT_MAX (1 << 20) /* of 8,191 entries, the most that Linux has, with long names */
#define OVERHEAD 16            /* of each in struct xattrs */

static const char schily[] = "SCHILY.xattr.", libarchive[] = "LIBARCHIVE.xattr.",
		  selinux[] = "RHT.security.selinux";

static const char *behind(const char *prefix, const char *key)
{
	size_t n = strlen(prefix);

	return strncmp(key, prefix, n) == 0 ? key + n : NULL;
}

/* What a pax key may not have stands in names as %XX: in GNU tar's '=' and '%', in libarchive's all that is not printable
 * ASCII, too. every: take libarchive's. Returns false when the name is longer than Linux has them. */
static bool decode_name(const char *name, bool every, char ret[NAME_MAX_BYTES + 1])
{
	char digits[3] = "";
	size_t n = 0;

	for (; *name && n < NAME_MAX_BYTES; n++) {
		memcpy(digits, name + 1, name[0] == '%' && name[1] ? 2 : 0);
		if (name[0] == '%' && isxdigit((unsigned char)digits[0]) &&
		    isxdigit((unsigned char)digits[1]) && strcmp(digits, "00") != 0 &&
		    (every || strcmp(digits, "25") == 0 || strcmp(digits, "3D") == 0)) {
			ret[n] = (char)strtoul(digits, NULL, 16);
			name += 3;
		} else {
			ret[n] = *name++;
		}
		digits[0] = '\0';
	}
	ret[n] = '\0';
	return !*name && n > 0;
}

static int digit_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* libarchive writes it without '=' at the end. Returns the bytes written to ret, which has room for size of them, or
 * -EINVAL. */
static ssize_t decode_base64(const char *text, size_t size, uint8_t *ret)
{
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0, value;

	while (size > 0 && text[size - 1] == '=')
		size--;
	for (size_t i = 0; i < size; i++) {
		value = digit_value(text[i]);
		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			ret[n++] = (uint8_t)(bits >> have);
		}
	}
	return (ssize_t)n;
}

static int add_base64(struct xattrs *x, const char *name, const struct tar_pax_record *record)
{
	_cleanup_free_ uint8_t *value = malloc(record->value_size + 1);
	ssize_t n = value ? decode_base64(record->value, record->value_size, value) : -ENOMEM;

	return n < 0 ? (int)n : xattrs_add(x, name, value, (size_t)n);
}

/* libarchive writes each attribute twice, under both keys, with its own encoding of the name in both. before: the key of the
 * record before this one. */
static bool is_told_twice(const char *name, const char *before)
{
	const char *other = behind(libarchive, before);

	return other && strcmp(other, name) == 0;
}

static int add(const struct tar_pax_record *record, const char *before, struct xattrs *x)
{
	const char *by_schily = behind(schily, record->key);
	const char *by_libarchive = behind(libarchive, record->key);
	char name[NAME_MAX_BYTES + 1];

	if (strcmp(record->key, selinux) == 0)
		return xattrs_add(x, "security.selinux", record->value, record->value_size);
	if (!by_schily && !by_libarchive)
		return 0;
	if (!decode_name(by_schily ? by_schily : by_libarchive,
			 !by_schily || is_told_twice(by_schily, before), name))
		return -ENAMETOOLONG;
	if (aclnames_meant(name))
		return 0; /* no kernel has such names; here they mean something */
	return by_schily ? xattrs_add(x, name, record->value, record->value_size)
			 : add_base64(x, name, record);
}

size_t tar_xattrs_memory(const char *text, size_t size)
{
	struct tar_pax_record record;
	size_t cursor = 0, sum = 0;

	while (tar_pax_next(text, size, &cursor, &record))
		if (behind(schily, record.key) || behind(libarchive, record.key) ||
		    strcmp(record.key, selinux) == 0)
			sum += strlen(record.key) + record.value_size + OVERHEAD;
	return sum;
}

int tar_xattrs_add(const char *text, size_t size, const char *what, struct xattrs *x,
		   struct fail *f)
{
	struct tar_pax_record record;
	const char *before = "";
	size_t cursor = 0;
	int r = 0;

	for (; r == 0 && tar_pax_next(text, size, &cursor, &record); before = record.key)
		r = add(&record, before, x);
	if (r == -ENOMEM)
		return fail_errno(f, r, what, "cannot hold its extended attributes");
	if (r < 0)
		return fail_set(f, EBADMSG, what, TAR_REMAKE,
				"its extended header has an invalid attribute: '%s'", record.key);
	return 0;
}

/* The attribute as which an ACL comes must be what Linux takes for one: else no boot can set it. */
static int check_acl(const struct xattrs *x, const char *xattr_name, const char *what,
		     struct fail *f)
{
	_cleanup_free_ struct acl_entry *entries = NULL;
	size_t cursor = 0, size;
	const void *value;
	bool ordered = true;
	const char *name;
	int n;

	while (xattrs_next(x, &cursor, &name, &value, &size)) {
		if (strcmp(name, xattr_name) != 0)
			continue;
		free(entries);
		entries = calloc(size / sizeof(*entries) + 1, sizeof(*entries));
		if (!entries)
			return fail_errno(f, ENOMEM, what, "cannot hold its ACL");
		n = acl_parse(value, size, entries, size / sizeof(*entries));
		for (int i = 1; i < n; i++)
			ordered = ordered && entries[i].tag >= entries[i - 1].tag;
		if (n < 0 || !ordered || !acl_is_valid(entries, (size_t)n))
			return fail_set(f, EBADMSG, what, TAR_REMAKE,
					"its attribute %s is not an ACL that Linux accepts",
					xattr_name);
	}
	return 0;
}

static int add_acl(const char *text, const char *xattr_name, const char *what, struct xattrs *x,
		   struct fail *f)
{
	int r;

	if (!text || xattrs_has(x, xattr_name))
		return check_acl(x, xattr_name, what, f);
	r = strlen(text) > ACL_TEXT_MAX ? -E2BIG : acl_text_add(x, xattr_name, text);
	if (r == -E2BIG)
		return fail_set(f, E2BIG, what, "Give it fewer entries, or leave it out.",
				"its ACL is larger than Linux allows");
	if (r == -ENOMEM)
		return fail_errno(f, r, what, "cannot hold its ACL");
	if (r < 0)
		return fail_set(f, EBADMSG, what, TAR_REMAKE,
				"its extended header has an invalid ACL: '%s'", text);
	return 0;
}

int tar_xattrs_add_acls(const struct tar_pax *p, const char *what, struct xattrs *x, struct fail *f)
{
	int r = add_acl(p->acl_access, ACL_XATTR_ACCESS, what, x, f);

	return r < 0 ? r : add_acl(p->acl_default, ACL_XATTR_DEFAULT, what, x, f);
}
