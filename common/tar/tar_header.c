/* Fields of a header block. */
#include "tar/tar_header.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define FIELD(field_name) \
	block + offsetof(struct raw, field_name), sizeof(((struct raw *)0)->field_name)

/* POSIX.1-1988. For what other formats have in place of the prefix, see tar_sparse.c. */
struct raw {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], rest[8],
		star[4];
};
_Static_assert(sizeof(struct raw) == TAR_BLOCK, "a header is one block");

/* star keeps two times behind a shorter prefix. */
#define STAR_PREFIX 130
#define STAR_TIME 12

static int parse_octal(const uint8_t *at, const uint8_t *end, int64_t *ret)
{
	uint64_t value = 0;

	for (; at < end && *at >= '0' && *at <= '7'; at++) {
		if (value >> 60)
			return -ERANGE;
		value = value << 3 | (uint64_t)(*at - '0');
	}
	if (at < end && *at != '\0' && !isspace(*at))
		return -EINVAL;
	*ret = (int64_t)value;
	return 0;
}

/* Big-endian two's complement; the first byte is 0x80 or 0xff and has the sign. */
static int parse_base256(const uint8_t *at, const uint8_t *end, int64_t *ret)
{
	bool negative = *at++ == 0xff;
	uint64_t value = negative ? UINT64_MAX : 0;

	for (; at < end; at++) {
		if (value >> 55 != (negative ? 0x1ff : 0))
			return -ERANGE;
		value = value << 8 | *at;
	}
	*ret = (int64_t)value;
	return 0;
}

int tar_number_parse(const uint8_t *field, size_t size, int64_t *ret)
{
	const uint8_t *at = field, *end = field + size;

	if (*at == '\0') /* old programs let the field before it run over */
		at++;
	while (at < end && isspace(*at))
		at++;
	if (at == end)
		return -EINVAL;
	if (*at == 0x80 || *at == 0xff)
		return parse_base256(at, end, ret);
	return parse_octal(at, end, ret);
}

static int fail_field(int r, const char *field_name, const uint8_t *field, size_t size,
		      const char *what, struct fail *f)
{
	if (r == -ERANGE)
		return fail_set(f, EBADMSG, what, TAR_REMAKE,
				"the %s in its tar header is out of range", field_name);
	return fail_set(f, EBADMSG, what, TAR_REMAKE,
			"the %s in its tar header is not a number: '%.*s'", field_name, (int)size,
			(const char *)field);
}

static int parse_field(const uint8_t *field, size_t size, const char *field_name, const char *what,
		       int64_t *ret, struct fail *f)
{
	int r = tar_number_parse(field, size, ret);

	return r < 0 ? fail_field(r, field_name, field, size, what, f) : 0;
}

int tar_size_parse(const uint8_t *field, size_t size, const char *field_name, const char *what,
		   uint64_t *ret, struct fail *f)
{
	int64_t value = 0;
	int r = parse_field(field, size, field_name, what, &value, f);

	if (r < 0)
		return r;
	if (value < 0)
		return fail_field(-ERANGE, field_name, field, size, what, f);
	*ret = (uint64_t)value;
	return 0;
}

static void add_bytes(const uint8_t *bytes, size_t size, int64_t *sum, int64_t *signed_sum)
{
	for (size_t i = 0; i < size; i++) {
		*sum += bytes[i];
		*signed_sum += (int8_t)bytes[i];
	}
}

bool tar_header_is_whole(const uint8_t block[TAR_BLOCK])
{
	const size_t at = offsetof(struct raw, checksum), behind = offsetof(struct raw, type);
	int64_t sum = (int64_t)(behind - at) * ' ', signed_sum = sum, said;

	add_bytes(block, at, &sum, &signed_sum);
	add_bytes(block + behind, TAR_BLOCK - behind, &sum, &signed_sum);
	return block[at] < 0x80 && /* of old, before there was base-256 */
	       tar_number_parse(FIELD(checksum), &said) == 0 && (said == sum || said == signed_sum);
}

bool tar_header_begins(const uint8_t *data, size_t size)
{
	return size >= TAR_BLOCK && (memcmp(data + offsetof(struct raw, magic), "ustar", 5) == 0 ||
				     tar_header_is_whole(data));
}

static enum tar_format find_format(const struct raw *raw)
{
	if (memcmp(raw->magic, "ustar  ", 8) == 0)
		return TAR_GNU;
	if (memcmp(raw->magic, "ustar", 6) != 0)
		return TAR_V7;
	return memcmp(raw->star, "tar", 4) == 0 ? TAR_STAR : TAR_USTAR;
}

static void copy_names(const struct raw *raw, struct tar_header *h)
{
	size_t prefix = 0;

	if (h->format == TAR_USTAR || h->format == TAR_STAR)
		prefix = strnlen(raw->prefix, sizeof(raw->prefix));
	snprintf(h->name, sizeof(h->name), "%.*s%s%.*s", (int)prefix, raw->prefix,
		 prefix ? "/" : "", (int)sizeof(raw->name), raw->name);
	snprintf(h->link, sizeof(h->link), "%.*s", (int)sizeof(raw->link), raw->link);
}

static bool is_star_time(const char *field)
{
	return field[0] >= '0' && field[0] <= '7' && field[STAR_TIME - 1] == ' ';
}

/* atime and ctime: nobody needs them, but junk in them says that the header is damaged. GNU tar knows them in the same way,
 * since not all of star's headers have its magic. */
static int check_star_times(const uint8_t block[TAR_BLOCK], const char *what, struct fail *f)
{
	const uint8_t *prefix = block + offsetof(struct raw, prefix),
		      *times = prefix + STAR_PREFIX + 1;
	const char *fields = (const char *)times;
	int64_t unused;
	int r;

	if (memcmp(block + offsetof(struct raw, magic), "ustar", 6) != 0 || prefix[STAR_PREFIX] ||
	    !is_star_time(fields) || !is_star_time(fields + STAR_TIME))
		return 0;
	r = parse_field(times, STAR_TIME, "atime", what, &unused, f);
	return r < 0 ? r : parse_field(times + STAR_TIME, STAR_TIME, "ctime", what, &unused, f);
}

int tar_header_numbers(const uint8_t block[TAR_BLOCK], const char *what, struct tar_header *h,
		       struct fail *f)
{
	int64_t mode = 0;
	int r = parse_field(FIELD(mode), "mode", what, &mode, f);

	h->mode = (mode_t)(mode & 07777); /* the type stands there, too, in old archives */
	if (r == 0)
		r = parse_field(FIELD(uid), "uid", what, &h->uid, f);
	if (r == 0)
		r = parse_field(FIELD(gid), "gid", what, &h->gid, f);
	if (r == 0)
		r = tar_size_parse(FIELD(size), "size", what, &h->size, f);
	if (r == 0)
		r = parse_field(FIELD(mtime), "mtime", what, &h->mtime, f);
	if (r == 0)
		r = check_star_times(block, what, f);
	if (h->type != '3' && h->type != '4')
		return r;
	if (r == 0)
		r = parse_field(FIELD(major), "major device number", what, &h->major, f);
	if (r == 0)
		r = parse_field(FIELD(minor), "minor device number", what, &h->minor, f);
	return r;
}

bool tar_header_start(const uint8_t block[TAR_BLOCK], struct tar_header *ret)
{
	struct raw raw;

	if (is_zero(block, TAR_BLOCK))
		return false;
	memcpy(&raw, block, sizeof(raw));
	*ret = (struct tar_header){ .format = find_format(&raw),
				    .type = raw.type ? raw.type : '0' };
	copy_names(&raw, ret);
	return true;
}
