/* Headers of newc and odc, as tables of fields. */
#include "tar/cpio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

struct cpio_field {
	const char *name; /* for messages; NULL ends a table */
	size_t digits;
	size_t at; /* in struct cpio_header */
	bool is_wide;
};

#define FIELD(text, member, n)                                        \
	{                                                             \
		text, n, offsetof(struct cpio_header, member),        \
			sizeof(((struct cpio_header *)0)->member) > 4 \
	}

static const struct cpio_field newc_fields[] = {
	FIELD("inode number", ino, 8),
	FIELD("mode", mode, 8),
	FIELD("uid", uid, 8),
	FIELD("gid", gid, 8),
	FIELD("number of links", nlink, 8),
	FIELD("mtime", mtime, 8),
	FIELD("size", size, 8),
	FIELD("major number of its file system", dev_major, 8),
	FIELD("minor number of its file system", dev_minor, 8),
	FIELD("major device number", rdev_major, 8),
	FIELD("minor device number", rdev_minor, 8),
	FIELD("size of its name", name_size, 8),
	FIELD("checksum", check, 8),
	{ 0 },
};

/* Major and minor are one number here; see split_devices. */
static const struct cpio_field odc_fields[] = {
	FIELD("number of its file system", dev_minor, 6),
	FIELD("inode number", ino, 6),
	FIELD("mode", mode, 6),
	FIELD("uid", uid, 6),
	FIELD("gid", gid, 6),
	FIELD("number of links", nlink, 6),
	FIELD("device number", rdev_minor, 6),
	FIELD("mtime", mtime, 11),
	FIELD("size of its name", name_size, 6),
	FIELD("size", size, 11),
	{ 0 },
};

static const struct cpio_format formats[] = {
	{ "070701", false, false, 4, CPIO_HEADER_SIZE, 16, newc_fields },
	{ "070702", true, false, 4, CPIO_HEADER_SIZE, 16, newc_fields },
	{ "070707", false, true, 1, 76, 8, odc_fields },
};

const struct cpio_format *cpio_format_of(const char magic[CPIO_MAGIC_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (memcmp(formats[i].magic, magic, CPIO_MAGIC_SIZE) == 0)
			return &formats[i];
	return NULL;
}

static uint64_t get_field(const struct cpio_header *h, const struct cpio_field *field)
{
	const char *at = (const char *)h + field->at;

	return field->is_wide ? *(const uint64_t *)at : *(const uint32_t *)at;
}

static void put_field(struct cpio_header *h, const struct cpio_field *field, uint64_t value)
{
	char *at = (char *)h + field->at;

	if (field->is_wide)
		*(uint64_t *)at = value;
	else
		*(uint32_t *)at = (uint32_t)value;
}

void cpio_header_write(const struct cpio_header *h, const char *name, char *buf)
{
	struct cpio_header named = *h;
	char digits[9], *at = buf + CPIO_MAGIC_SIZE;

	named.name_size = (uint32_t)strlen(name) + 1;
	memset(buf, 0, cpio_head_size(strlen(name)));
	memcpy(buf, formats[0].magic, CPIO_MAGIC_SIZE);
	for (const struct cpio_field *field = newc_fields; field->name; field++) {
		snprintf(digits, sizeof(digits), "%08X", (uint32_t)get_field(&named, field));
		memcpy(at, digits, 8);
		at += 8;
	}
	memcpy(at, name, strlen(name));
}

/* 16: no digit of any base. */
static unsigned digit_value(char c)
{
	return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
	       : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
	       : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
				      : 16;
}

static int parse_field(const struct cpio_field *field, unsigned base, const char *text,
		       uint64_t *ret, struct cpio_bad_field *ret_bad)
{
	uint64_t value = 0;

	for (size_t i = 0; i < field->digits; i++) {
		unsigned digit = digit_value(text[i]);

		if (digit >= base) {
			ret_bad->name = field->name;
			snprintf(ret_bad->text, sizeof(ret_bad->text), "%.*s", (int)field->digits,
				 text);
			return -EINVAL;
		}
		value = value * base + digit;
	}
	*ret = value;
	return 0;
}

/* 8 bits of minor below 10 of major. */
static void split_devices(struct cpio_header *h)
{
	h->rdev_major = h->rdev_minor >> 8;
	h->rdev_minor &= 0xff;
}

int cpio_header_read(const struct cpio_format *format, const char *buf, struct cpio_header *ret,
		     struct cpio_bad_field *ret_bad)
{
	struct cpio_header h = { 0 };
	uint64_t value;

	buf += CPIO_MAGIC_SIZE;
	for (const struct cpio_field *field = format->fields; field->name; field++) {
		if (parse_field(field, format->base, buf, &value, ret_bad) < 0)
			return -EINVAL;
		put_field(&h, field, value);
		buf += field->digits;
	}
	if (format->fields == odc_fields)
		split_devices(&h);
	*ret = h;
	return 0;
}

int cpio_name_size_read(const struct cpio_format *format, const char *buf, uint32_t *ret,
			struct cpio_bad_field *ret_bad)
{
	const struct cpio_field *field = format->fields;
	uint64_t value;

	for (buf += CPIO_MAGIC_SIZE; field->at != offsetof(struct cpio_header, name_size); field++)
		buf += field->digits;
	if (parse_field(field, format->base, buf, &value, ret_bad) < 0)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

int cpio_header_parse(const char buf[CPIO_HEADER_SIZE], struct cpio_header *ret)
{
	const struct cpio_format *format = cpio_format_of(buf);
	struct cpio_bad_field bad;
	struct cpio_header h;

	if (!format || format->fields != newc_fields ||
	    cpio_header_read(format, buf, &h, &bad) < 0 || h.name_size == 0)
		return -EINVAL;
	*ret = h;
	return 0;
}
