/* Records into values, by a table. */
#include "tar/tar_pax.h"

#include <ctype.h>
#include <errno.h>

#include "tar/tar_header.h"

/* Length and key of the record at text; false: it is none. */
static bool split(char *text, size_t left, size_t *ret_length, char **ret_key)
{
	size_t digits = 0, length = 0;

	while (digits < left && isdigit((unsigned char)text[digits]) && length <= left)
		length = length * 10 + (size_t)(text[digits++] - '0');
	if (digits == 0 || length > left || length < digits + 4 || text[digits] != ' ' ||
	    isblank((unsigned char)text[digits + 1]) || text[length - 1] != '\n')
		return false;
	*ret_length = length;
	*ret_key = text + digits + 1;
	return true;
}

int tar_pax_check(char *text, size_t size, const char *what, struct fail *f)
{
	size_t at = 0, length;
	char *key, *equals;

	while (at < size && !is_zero(text + at, size - at)) {
		if (!split(text + at, size - at, &length, &key))
			return fail_set(f, EBADMSG, what, TAR_REMAKE,
					"its extended header has no valid record at byte %zu", at);
		equals = memchr(key, '=', (size_t)(text + at + length - key));
		if (!equals || equals == key || memchr(key, 0, (size_t)(equals - key)))
			return fail_set(f, EBADMSG, what, TAR_REMAKE,
					"the record at byte %zu of its extended header has no key",
					at);
		*equals = '\0';
		text[at + length - 1] = '\0';
		at += length;
	}
	return 0;
}

bool tar_pax_next(const char *text, size_t size, size_t *cursor, struct tar_pax_record *ret)
{
	const char *start, *key;
	size_t length = 0;

	if (*cursor == size || text[*cursor] == '\0') /* without any, text may be NULL */
		return false;
	start = key = text + *cursor;
	while (*key != ' ')
		length = length * 10 + (size_t)(*key++ - '0');
	ret->key = ++key;
	ret->value = key + strlen(key) + 1;
	ret->value_size = (size_t)(start + length - 1 - ret->value);
	*cursor += length;
	return true;
}

/* ---- values ---- */

int tar_decimal_parse(const char *text, size_t size, uint64_t *ret)
{
	uint64_t value = 0;

	if (size == 0)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -EINVAL;
		value = add_u64(multiply_u64(value, 10), (uint64_t)(text[i] - '0'));
	}
	if (value > INT64_MAX)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* Seconds with a fraction, of which nine digits count, the rest rounds down: "-0.5" is half a second before 1970. */
static int parse_time(const char *text, size_t size, struct timespec *ret)
{
	bool negative = *text == '-', more = false;
	const char *digits = text + negative, *end = text + size, *point;
	uint64_t seconds;
	long ns = 0;
	int r;

	point = memchr(digits, '.', (size_t)(end - digits));
	for (int i = 1; point && point + i < end; i++) {
		if (!isdigit((unsigned char)point[i]))
			return -EINVAL;
		more = more || (i > 9 && point[i] != '0');
	}
	r = tar_decimal_parse(digits, (size_t)((point ? point : end) - digits), &seconds);
	if (r < 0)
		return r;
	for (int i = 1; i <= 9; i++)
		ns = ns * 10 + (point && point + i < end ? point[i] - '0' : 0);
	ns += negative && more;
	*ret = (struct timespec){ negative ? -(time_t)seconds : (time_t)seconds, ns };
	if (negative && ns > 0)
		*ret = (struct timespec){ ret->tv_sec - 1, 1000000000 - ns };
	return 0;
}

enum kind { TEXT, NUMBER, TIME };

static const struct {
	const char *key;
	enum kind kind;
	size_t at; /* in struct tar_pax */
} known[] = {
#define KNOWN(key, kind, field)                            \
	{                                                  \
		key, kind, offsetof(struct tar_pax, field) \
	}
	KNOWN("path", TEXT, path),
	KNOWN("linkpath", TEXT, link),
	KNOWN("size", NUMBER, size),
	KNOWN("uid", NUMBER, uid),
	KNOWN("gid", NUMBER, gid),
	KNOWN("mtime", TIME, mtime),
	KNOWN("atime", TIME, atime),
	KNOWN("ctime", TIME, ctime),
	KNOWN("SCHILY.acl.access", TEXT, acl_access),
	KNOWN("SCHILY.acl.default", TEXT, acl_default),
	KNOWN("SCHILY.devmajor", NUMBER, major),
	KNOWN("SCHILY.devminor", NUMBER, minor),
	KNOWN("GNU.sparse.name", TEXT, sparse_name),
	KNOWN("GNU.sparse.map", TEXT, sparse_map),
	KNOWN("GNU.sparse.major", NUMBER, sparse_major),
	KNOWN("GNU.sparse.minor", NUMBER, sparse_minor),
	KNOWN("GNU.sparse.size", NUMBER, sparse_size),
	KNOWN("GNU.sparse.realsize", NUMBER, sparse_size),
	KNOWN("GNU.sparse.numblocks", NUMBER, sparse_blocks),
#undef KNOWN
};

static int set_text(const struct tar_pax_record *record, const char **ret)
{
	if (memchr(record->value, 0, record->value_size))
		return -EINVAL;
	*ret = record->value_size ? record->value : NULL;
	return 0;
}

static int set_number(const struct tar_pax_record *record, struct tar_pax_number *ret)
{
	ret->given = record->value_size > 0;
	return ret->given ? tar_decimal_parse(record->value, record->value_size, &ret->value) : 0;
}

static int set_time(const struct tar_pax_record *record, struct tar_pax_time *ret)
{
	ret->given = record->value_size > 0;
	return ret->given ? parse_time(record->value, record->value_size, &ret->value) : 0;
}

static int apply(const struct tar_pax_record *record, struct tar_pax *p)
{
	void *field;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(record->key, known[i].key) != 0)
			continue;
		field = (char *)p + known[i].at;
		switch (known[i].kind) {
		case TEXT:
			return set_text(record, field);
		case NUMBER:
			return set_number(record, field);
		case TIME:
			return set_time(record, field);
		}
	}
	return 0;
}

int tar_pax_apply(const char *text, size_t size, const char *what, struct tar_pax *p,
		  struct fail *f)
{
	struct tar_pax_record record;
	size_t cursor = 0;
	int r;

	while (tar_pax_next(text, size, &cursor, &record)) {
		r = apply(&record, p);
		if (r == -ERANGE)
			return fail_set(f, EBADMSG, what, TAR_REMAKE,
					"%s in its extended header is out of range: '%s'",
					record.key, record.value);
		if (r < 0)
			return fail_set(f, EBADMSG, what, TAR_REMAKE,
					"%s in its extended header has an invalid value: '%s'",
					record.key, record.value);
	}
	return 0;
}
