/*
 * Where our tar reader and libarchive's differ, and why: each row names the condition under which they may, and its function
 * says whether it holds for a member, by what stands in its headers (tar_facts.h).
 */
#pragma once

#include "tar/member.h"
#include "tar_facts.h"

/* A member as both readers can tell it. */
struct entry {
	uint64_t start; /* of its first header */
	enum member_type type;
	char *path, *target;
	uint64_t size, digest;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	struct timespec mtime;
	bool warned; /* of libarchive's */
};

enum difference {
	OURS_REFUSES,
	THEIRS_REFUSES,
	PLACE, /* where the next member starts, or whether there is one */
	TYPE,
	PATH,
	TARGET,
	SIZE,
	DATA,
	MODE,
	OWNER,
	TIME,
	DEVICE,
};
static const char *const difference_names[] = {
	"ours refuses", "theirs refuses", "place", "type",  "path", "target",
	"size",         "data",           "mode",  "owner", "time", "device"
};

/* What a row looks at. Of a field: facts, ours, theirs are of the member. Of what is behind a member: before, ours and
 * theirs are of that one, facts of what stands behind it in our reading, or NULL, why is the message of the one that
 * refuses. */
struct situation {
	const struct facts *facts, *before;
	const struct entry *ours, *theirs;
	const char *why;
	bool theirs_refuses;
};

/* ---- fields ---- */

/* libarchive has an offset for a time before 1970 as seconds before and fraction after. */
static inline struct timespec theirs_time(const struct entry *theirs, bool before_1970)
{
	struct timespec t = theirs->mtime;

	if (t.tv_nsec > 0 && (t.tv_sec < 0 || before_1970)) /* and no sign without seconds */
		t = (struct timespec){ t.tv_sec - 1, 1000000000 - t.tv_nsec };
	return t;
}

static inline bool differ(enum difference d, const struct entry *ours, const struct entry *theirs)
{
	bool has_target = ours->type == MEMBER_SYMLINK || ours->type == MEMBER_HARDLINK;
	bool is_device = ours->type == MEMBER_CHAR || ours->type == MEMBER_BLOCK;
	struct timespec time = theirs_time(theirs, ours->mtime.tv_sec == -1);

	switch (d) {
	case TYPE:
		return ours->type != theirs->type;
	case PATH:
		return strcmp(ours->path, theirs->path) != 0;
	case TARGET:
		return has_target && ours->type == theirs->type &&
		       strcmp(ours->target, theirs->target) != 0;
	case SIZE:
		return ours->type == theirs->type && ours->size != theirs->size;
	case DATA:
		return ours->type == theirs->type && ours->digest != theirs->digest;
	case MODE:
		return ours->mode != theirs->mode;
	case OWNER:
		return ours->uid != theirs->uid || ours->gid != theirs->gid;
	case TIME:
		return ours->mtime.tv_sec != time.tv_sec || ours->mtime.tv_nsec != time.tv_nsec;
	case DEVICE:
		return is_device && ours->type == theirs->type && ours->rdev != theirs->rdev;
	default:
		return false;
	}
}

/* ---- what ours refuses ---- */

static const struct field *const number_fields[] = { &MODE_FIELD, &UID_FIELD,   &GID_FIELD,
						     &SIZE_FIELD, &MTIME_FIELD, &MAJOR_FIELD,
						     &MINOR_FIELD };

static inline bool is_size(const struct field *field)
{
	return field == &SIZE_FIELD || strstr(field->name, "map of holes") ||
	       strcmp(field->name, "real size") == 0;
}

/* A field that is wrong in the way that the message says: it has this name. */
struct wrong_field {
	const char *why;
	int r; /* -EINVAL or -ERANGE */
	bool found;
};

static inline void look_at_field(const uint8_t *header, const struct field *field,
				 struct wrong_field *w)
{
	int64_t number = 0;
	char text[80];
	int r = field_number(header, field, &number);

	if (r == 0 && number < 0 && is_size(field))
		r = -ERANGE;
	snprintf(text, sizeof(text), ": the %s in its tar header is ", field->name);
	w->found = w->found || (r == w->r && strstr(w->why, text));
}

static inline void look_at_map_fields(const uint8_t *block, const struct map_place *place,
				      void *arg)
{
	for (size_t i = 0; i < place->n; i++) {
		struct field offset = { "offset in the map of holes", place->at + i * 24, 12 };
		struct field size = { "size in the map of holes", place->at + i * 24 + 12, 12 };

		look_at_field(block, &offset, arg);
		look_at_field(block, &size, arg);
	}
	if (place->real_size)
		look_at_field(block, &(struct field){ "real size", place->real_size, 12 }, arg);
}

static inline bool has_wrong_field(const struct situation *s, int r)
{
	struct wrong_field w = { .why = s->why, .r = r };
	const struct facts *f = s->facts;

	for (size_t i = 0; i <= f->n_special; i++) {
		const uint8_t *header = i < f->n_special ? f->special[i] : f->own;
		size_t n = header && strchr("34", type_of(header)) ? 7 : 5;

		for (size_t k = 0; header && k < n; k++)
			look_at_field(header, number_fields[k], &w);
		if (header && has_star_times(header)) {
			look_at_field(header, &ATIME_FIELD, &w);
			look_at_field(header, &CTIME_FIELD, &w);
		}
	}
	if (f->own)
		(void)walk_map(f, look_at_map_fields, &w);
	return w.found;
}

static inline bool is_no_number(const struct situation *s)
{
	return strstr(s->why, "in its tar header is not a number: '") &&
	       has_wrong_field(s, -EINVAL);
}

static inline bool is_number_out_of_range(const struct situation *s)
{
	return strstr(s->why, "in its tar header is out of range") && has_wrong_field(s, -ERANGE);
}

/* A record rules, or else the field. */
static inline int64_t number_of(const struct facts *f, const char *key, const struct field *field)
{
	uint64_t given;
	int64_t number;

	if (effective_number(f, key, &given))
		return (int64_t)min_u64(given, INT64_MAX);
	return field_number(f->own, field, &number) == 0 ? number : -1;
}

static inline bool is_no_id(int64_t id)
{
	return id < 0 || id >= UINT32_MAX;
}

static inline bool is_no_owner(const struct situation *s)
{
	return strstr(s->why, ": its owner ") && s->facts->own &&
	       (is_no_id(number_of(s->facts, "uid", &UID_FIELD)) ||
		is_no_id(number_of(s->facts, "gid", &GID_FIELD)));
}

static inline bool is_no_device(const struct situation *s)
{
	int64_t major, minor;

	if (!strstr(s->why, ": its device number ") || !s->facts->own ||
	    !strchr("34", type_of(s->facts->own)))
		return false;
	major = number_of(s->facts, "SCHILY.devmajor", &MAJOR_FIELD);
	minor = number_of(s->facts, "SCHILY.devminor", &MINOR_FIELD);
	return major < 0 || major > 4095 || minor < 0 || minor > 1048575;
}

static inline bool is_no_record(const struct situation *s)
{
	const struct facts *f = s->facts;
	bool wrong = false;

	for (size_t i = 0; i < f->n_records; i++)
		wrong = wrong || !records_are_good(&f->records[i]);
	for (size_t i = 0; i < f->n_global; i++)
		wrong = wrong || !records_are_good(&f->global[i]);
	return wrong && (strstr(s->why, "its extended header has no valid record") ||
			 strstr(s->why, "of its extended header has no key"));
}

enum value_kind { IS_TEXT, IS_NUMBER, IS_TIME };

static const struct {
	const char *key;
	enum value_kind kind;
} known_keys[] = {
	{ "path", IS_TEXT },
	{ "linkpath", IS_TEXT },
	{ "SCHILY.acl.access", IS_TEXT },
	{ "SCHILY.acl.default", IS_TEXT },
	{ "GNU.sparse.name", IS_TEXT },
	{ "GNU.sparse.map", IS_TEXT },
	{ "size", IS_NUMBER },
	{ "uid", IS_NUMBER },
	{ "gid", IS_NUMBER },
	{ "SCHILY.devmajor", IS_NUMBER },
	{ "SCHILY.devminor", IS_NUMBER },
	{ "GNU.sparse.major", IS_NUMBER },
	{ "GNU.sparse.minor", IS_NUMBER },
	{ "GNU.sparse.size", IS_NUMBER },
	{ "GNU.sparse.realsize", IS_NUMBER },
	{ "GNU.sparse.numblocks", IS_NUMBER },
	{ "mtime", IS_TIME },
	{ "atime", IS_TIME },
	{ "ctime", IS_TIME },
};

/* 0, -EINVAL, -ERANGE */
static inline int check_value(enum value_kind kind, struct span value)
{
	const uint8_t *point;
	uint64_t number;
	struct span fraction;

	if (kind == IS_TEXT || value.size == 0)
		return value.size && memchr(value.at, 0, value.size) ? -EINVAL : 0;
	if (kind == IS_TIME) {
		value = *value.at == '-' ? (struct span){ value.at + 1, value.size - 1 } : value;
		point = memchr(value.at, '.', value.size);
		fraction = point ? (struct span){ point + 1,
						  (size_t)(value.at + value.size - point) - 1 }
				 : (struct span){ 0 };
		if (fraction.size && !decimal(&fraction, &number))
			return -EINVAL;
		value.size = point ? (size_t)(point - value.at) : value.size;
	}
	if (!decimal(&value, &number))
		return -EINVAL;
	return number > INT64_MAX ? -ERANGE : 0;
}

/* A record whose value is wrong in this way, and which the message names. */
static inline bool has_wrong_value(const struct situation *s, int r, const char *words)
{
	const struct facts *f = s->facts;
	struct span key, value;
	char text[120];

	for (size_t i = 0; i < f->n_global + f->n_records; i++) {
		const struct span *header = i < f->n_global ? &f->global[i]
							    : &f->records[i - f->n_global];

		for (size_t at = 0; next_record(header, &at, &key, &value);)
			for (size_t k = 0; k < ARRAY_SIZE(known_keys); k++) {
				snprintf(text, sizeof(text), ": %s in its extended header %s",
					 known_keys[k].key, words);
				if (has_name(&key, known_keys[k].key) && strstr(s->why, text) &&
				    check_value(known_keys[k].kind, value) == r)
					return true;
			}
	}
	return false;
}

static inline bool is_no_value(const struct situation *s)
{
	return has_wrong_value(s, -EINVAL, "has an invalid value: '");
}

static inline bool is_value_out_of_range(const struct situation *s)
{
	return has_wrong_value(s, -ERANGE, "is out of range: '");
}

/* Names of more than 255 bytes, and text that is not base 64. */
static inline bool is_no_attribute(const struct situation *s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const struct facts *f = s->facts;
	struct span key, value;
	bool wrong = false;

	for (size_t i = 0; i < f->n_global + f->n_records; i++) {
		const struct span *header = i < f->n_global ? &f->global[i]
							    : &f->records[i - f->n_global];

		for (size_t at = 0; next_record(header, &at, &key, &value);) {
			size_t prefix = starts_with(&key, "SCHILY.xattr.")       ? 13
					: starts_with(&key, "LIBARCHIVE.xattr.") ? 17
										 : 0;

			wrong = wrong ||
				(prefix && (key.size == prefix || key.size > prefix + 255));
			while (value.size && value.at[value.size - 1] == '=')
				value.size--;
			for (size_t k = 0; prefix == 17 && k < value.size; k++)
				wrong = wrong || !value.at[k] || !strchr(digits, value.at[k]);
		}
	}
	return wrong && strstr(s->why, "its extended header has an invalid attribute: '");
}

/* What an ACL has: user, group, other as bits; masks; the others. */
struct acl_facts {
	unsigned base, masks;
	uint32_t named[64];
	size_t n;
};

/* One entry in the form that each program writes: a number for whom, three letters. */
static inline bool add_acl_entry(struct acl_facts *a, const char *entry)
{
	static const char *const base[] = { "user::", "group::", "other::", "mask::" };
	size_t size = strlen(entry);
	unsigned id = 0;
	int end = 0;

	if (size < 3 || strspn(entry + size - 3, "rwx-") != 3)
		return false;
	for (unsigned i = 0; i < 3; i++)
		if (size == strlen(base[i]) + 3 && strncmp(entry, base[i], size - 3) == 0) {
			a->base |= 1U << i;
			return true;
		}
	if (size == strlen(base[3]) + 3 && strncmp(entry, base[3], size - 3) == 0)
		return ++a->masks == 1;
	if ((sscanf(entry, "user:%5u:%n", &id, &end) != 1 &&
	     sscanf(entry, "group:%5u:%n", &id, &end) != 1) ||
	    (size_t)end + 3 != size || a->n == ARRAY_SIZE(a->named))
		return false;
	id = id << 1 | (entry[0] == 'u');
	for (size_t i = 0; i < a->n; i++)
		if (a->named[i] == id)
			return false;
	a->named[a->n++] = id;
	return true;
}

/* Complete and in that form: user, group and other, with a mask when there are others, each of them once. What is not may be
 * an ACL in another form, or none. */
static inline bool is_plain_acl(struct span text)
{
	struct acl_facts a = { 0 };
	char entry[40];
	size_t size;

	for (size_t at = 0; at < text.size; at += size + 1) {
		const uint8_t *comma = memchr(text.at + at, ',', text.size - at);

		size = comma ? (size_t)(comma - text.at) - at : text.size - at;
		if (size >= sizeof(entry))
			return false;
		snprintf(entry, sizeof(entry), "%.*s", (int)size, text.at + at);
		if (strlen(entry) != size || !add_acl_entry(&a, entry))
			return false;
	}
	return a.base == 7 && a.masks == (a.n > 0);
}

static inline bool is_no_acl(const struct situation *s)
{
	static const char *const keys[] = { "SCHILY.acl.access", "SCHILY.acl.default" };
	struct span text;

	if (strstr(s->why, "is not an ACL that Linux accepts") &&
	    (count_keys(s->facts, "SCHILY.xattr.system.posix_acl_") > 0 ||
	     count_keys(s->facts, "LIBARCHIVE.xattr.system.posix_acl_") > 0 ||
	     s->facts->n_global > 0))
		return true;
	if (!strstr(s->why, "its extended header has an invalid ACL: '"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (effective(s->facts, keys[i], &text) && !is_plain_acl(text))
			return true;
	return false;
}

static inline bool is_no_map(const struct situation *s)
{
	return (strstr(s->why, "its map of holes ") || strstr(s->why, ": it is a sparse file ")) &&
	       s->facts->own && map_of(s->facts).is_wrong;
}

static inline bool is_unknown_version(const struct situation *s)
{
	uint64_t major = 0, minor = 0, size;

	(void)effective_number(s->facts, "GNU.sparse.major", &major);
	(void)effective_number(s->facts, "GNU.sparse.minor", &minor);
	return strstr(s->why, "it is a sparse file in an unknown version of the format") &&
	       major > 0 && (major != 1 || minor != 0 || !sparse_size(s->facts, &size));
}

/* Nothing, or less than two blocks of zeros. */
static inline bool is_endless(const struct situation *s)
{
	const struct facts *f = s->facts;

	return strstr(s->why, "it has no end marker ") && !f->own && f->behind <= f->size &&
	       f->size - f->behind < 2 * TAR_BLOCK &&
	       is_zeros(f->archive + f->behind, f->size - f->behind);
}

/* Behind a block of zeros something is not zero. */
static inline bool has_more(const struct situation *s)
{
	const struct facts *f = s->facts;

	return strstr(s->why, "more data follows its end marker") && !f->own &&
	       f->behind <= f->size && f->size - f->behind > TAR_BLOCK &&
	       is_zeros(f->archive + f->behind, TAR_BLOCK) &&
	       !is_zeros(f->archive + f->behind, f->size - f->behind);
}

static inline bool has_no_name(const struct situation *s)
{
	const struct facts *f = s->facts;

	return strstr(s->why, "a member has no name") && f->own && !has_effective(f, "path") &&
	       !has_effective(f, "GNU.sparse.name") &&
	       (f->long_name.at ? f->long_name.size == 0
				: !f->own[0] && !(is_ustar(f->own) && f->own[345]));
}

static inline bool has_no_target(const struct situation *s)
{
	const struct facts *f = s->facts;

	return strstr(s->why, "it is a link without a target") && f->own &&
	       strchr("12", type_of(f->own)) && !has_effective(f, "linkpath") &&
	       (f->long_link.at ? f->long_link.size == 0 : !f->own[157]);
}

static inline bool is_other_volume(const struct situation *s)
{
	return strstr(s->why, "it is continued from another volume") && s->facts->own &&
	       type_of(s->facts->own) == 'M';
}

/* The archive ends in a member, or before the end of the data of the last one. */
static inline bool is_cut(const struct situation *s)
{
	const struct facts *f = s->facts;

	return strstr(s->why, "it ends in the middle of") &&
	       (f->is_cut || f->start > f->size || (f->own && facts_end(f, false) > f->size));
}

static inline bool is_long_name_empty(const struct situation *s)
{
	bool found = false;
	int64_t size;

	for (size_t i = 0; i < s->facts->n_special; i++)
		found = found ||
			(strchr("LK", type_of(s->facts->special[i])) &&
			 field_number(s->facts->special[i], &SIZE_FIELD, &size) == 0 && size == 0);
	return found && strstr(s->why, "its long name is empty");
}

static inline bool has_many_globals(const struct situation *s)
{
	struct span key, value;
	size_t n = 0;

	for (size_t i = 0; i < s->facts->n_global; i++)
		for (size_t at = 0; next_record(&s->facts->global[i], &at, &key, &value);)
			n++;
	return n > 1024 && strstr(s->why, "its global headers have more than 1024 records");
}

/* ---- other headers ---- */

/* libarchive takes another block for the member's own header, or other headers before it for its own. */
static inline bool is_read_otherwise(const struct facts *f)
{
	bool other = f->label_hides || f->n_special > 30 || (f->own && type_of(f->own) == 'A');
	int64_t size;

	for (size_t i = 0; i < f->n_special; i++)
		other = other || !same_number(f->special[i], &SIZE_FIELD) ||
			(type_of(f->special[i]) == 'V' &&
			 (field_number(f->special[i], &SIZE_FIELD, &size) < 0 || size > 0));
	return other;
}

static inline bool has_other_headers(const struct situation *s)
{
	return s->facts && is_read_otherwise(s->facts);
}

/* libarchive wants digits, blanks and NULs in a checksum, digits first; GNU tar reads up to what is no digit. */
static inline bool is_checksum_odd(const uint8_t *header)
{
	for (size_t i = 148; i < 156; i++)
		if (header[i] && !strchr(" 01234567", header[i]))
			return true;
	return !same_number(header, &(struct field){ "checksum", 148, 8 });
}

static inline bool has_odd_checksum(const struct situation *s)
{
	const struct facts *f = s->facts;
	bool odd = f->own && is_checksum_odd(f->own);

	for (size_t i = 0; i < f->n_special; i++)
		odd = odd || is_checksum_odd(f->special[i]);
	return odd && strstr(s->why, "Damaged tar archive");
}

/* An 'x' without records says nothing of no member; to libarchive a member must follow. */
static inline bool is_empty_pax_last(const struct situation *s)
{
	const struct facts *f = s->facts;
	bool empty = !f->own && !f->is_cut && f->n_records > 0 && !f->long_name.at &&
		     !f->long_link.at;

	for (size_t i = 0; i < f->n_records; i++)
		empty = empty && is_zeros(f->records[i].at, f->records[i].size);
	return empty && strstr(s->why, "Damaged tar archive");
}

/* ---- names ---- */

/* Does theirs come of ours by putting characters together? Bytes above 127 may be others, and an ASCII character before such
 * may have gone into one. */
static inline bool is_composed(const char *ours, const char *theirs)
{
	bool has_high = false;

	while (*ours || *theirs) {
		if ((uint8_t)*ours >= 0x80) {
			has_high = true;
			ours++;
		} else if ((uint8_t)*theirs >= 0x80) {
			theirs++;
		} else if (*ours && *ours == *theirs) {
			ours++;
			theirs++;
		} else if (*ours && (uint8_t)ours[1] >= 0x80) {
			ours++;
		} else {
			return false;
		}
	}
	return has_high;
}

static inline bool is_text(const struct span *text, const char *value)
{
	return text->at && strlen(value) == text->size && memcmp(text->at, value, text->size) == 0;
}

static inline bool is_path_composed(const struct situation *s)
{
	return (has_effective(s->facts, "path") || has_effective(s->facts, "GNU.sparse.name")) &&
	       is_composed(s->ours->path, s->theirs->path);
}

static inline bool is_target_composed(const struct situation *s)
{
	return has_effective(s->facts, "linkpath") &&
	       is_composed(s->ours->target, s->theirs->target);
}

/* The same of names. NULs behind the last record keep libarchive from taking them; an empty one is none to it, too. */
static inline bool is_name_hidden(const struct facts *f, const char *key)
{
	struct span text;
	bool ends_early = f->n_records > 0 && has_rest(&f->records[f->n_records - 1]);

	if (seen_by_theirs(f, key, &text) && text.size == 0)
		return has_effective(f, key);
	return is_hidden(f, key) || (ends_early && has_effective(f, key));
}

static inline bool is_path_hidden(const struct situation *s)
{
	return is_name_hidden(s->facts, "path") || is_name_hidden(s->facts, "GNU.sparse.name");
}

static inline bool is_target_hidden(const struct situation *s)
{
	return is_name_hidden(s->facts, "linkpath");
}

/* Of L and x before one member libarchive takes the first. */
static inline bool is_name_before_pax(const struct situation *s)
{
	const struct facts *f = s->facts;

	return f->name_at < f->pax_at && is_text(&f->long_name, s->theirs->path) &&
	       (has_effective(f, "path") || has_effective(f, "GNU.sparse.name"));
}

static inline bool is_link_before_pax(const struct situation *s)
{
	const struct facts *f = s->facts;

	return f->link_at < f->pax_at && is_text(&f->long_link, s->theirs->target) &&
	       has_effective(f, "linkpath");
}

/* libarchive adds no slash to a prefix that ends with one. */
static inline bool has_prefix_a_slash(const struct situation *s)
{
	size_t n = strnlen((const char *)s->facts->own + 345, 155);

	return is_ustar(s->facts->own) && n > 0 && s->facts->own[345 + n - 1] == '/' &&
	       strlen(s->ours->path) == strlen(s->theirs->path) + 1 &&
	       memcmp(s->ours->path, s->theirs->path, n) == 0 &&
	       strcmp(s->ours->path + n + 1, s->theirs->path + n) == 0;
}

/* "ustar" and then neither POSIX' NUL nor GNU's two blanks: libarchive takes it for POSIX', GNU tar for V7. */
static inline bool has_half_a_magic(const struct situation *s)
{
	const uint8_t *h = s->facts->own;

	return memcmp(h + 257, "ustar", 5) == 0 && !is_ustar(h) && !is_gnu(h);
}

/* ---- types ---- */

/* A link whose target is not in the header's own field is none to libarchive, or one to nothing. */
static inline bool has_no_own_target(const struct situation *s)
{
	return strchr("12", type_of(s->facts->own)) && !s->facts->own[157];
}

/* Those of the member that is compared, or behind which the readers differ. */
static inline const struct facts *facts_of(const struct situation *s)
{
	return s->before ? s->before : s->facts;
}

/* What holds for that member; or for the next one, whose headers libarchive refuses. */
static inline bool holds_here(const struct situation *s, bool (*holds)(const struct facts *))
{
	return holds(facts_of(s)) || (s->theirs_refuses && s->facts->own && holds(s->facts));
}

/* A slash makes a directory of each regular file, of unknown type, too; and of none about which it has warned. */
static inline bool is_directory_by_slash(const struct situation *s)
{
	bool known = strchr("07", type_of(facts_of(s)->own)) != NULL;

	return ends_with(s->theirs->path, "/") &&
	       ((!known && s->ours->type == MEMBER_FILE && s->theirs->type == MEMBER_DIRECTORY) ||
		(known && s->ours->type == MEMBER_DIRECTORY && s->theirs->type == MEMBER_FILE &&
		 s->theirs->warned));
}

/* Names that differ, for which another row has a reason, may differ in that slash. */
static inline bool is_other_name(const struct situation *s)
{
	return strcmp(s->ours->path, s->theirs->path) != 0 &&
	       ends_with(s->ours->path, "/") != ends_with(s->theirs->path, "/");
}

/* ---- numbers ---- */

static inline bool is_number_other(const struct situation *s, const char *key,
				   const struct field *field)
{
	return is_hidden(s->facts, key) ||
	       (!has_effective(s->facts, key) && !same_number(s->facts->own, field));
}

static inline bool is_owner_other(const struct situation *s)
{
	return (s->ours->uid == s->theirs->uid || is_number_other(s, "uid", &UID_FIELD)) &&
	       (s->ours->gid == s->theirs->gid || is_number_other(s, "gid", &GID_FIELD));
}

/* Digits behind the ninth round a time before 1970 down, and libarchive leaves them out. */
static inline bool is_time_other(const struct situation *s)
{
	struct timespec theirs = theirs_time(s->theirs, true);
	struct span text;

	if (is_number_other(s, "mtime", &MTIME_FIELD))
		return true;
	return effective(s->facts, "mtime", &text) && text.size > 12 && *text.at == '-' &&
	       (theirs.tv_sec - s->ours->mtime.tv_sec) * 1000000000 + theirs.tv_nsec -
			       s->ours->mtime.tv_nsec ==
		       1;
}

static inline bool is_mode_other(const struct situation *s)
{
	return !same_number(s->facts->own, &MODE_FIELD);
}

/* libarchive changes the mode by the ACL; here the kernel does. */
static inline bool has_acl(const struct situation *s)
{
	struct span text;

	return seen_by_theirs(s->facts, "SCHILY.acl.access", &text) &&
	       (s->ours->mode ^ s->theirs->mode) <= 0777;
}

static inline bool is_device_other(const struct situation *s)
{
	return is_number_other(s, "SCHILY.devmajor", &MAJOR_FIELD) ||
	       is_number_other(s, "SCHILY.devminor", &MINOR_FIELD);
}

/* libarchive, and GNU tar, read no device numbers there. */
static inline bool has_no_magic(const struct situation *s)
{
	return !is_ustar(s->facts->own) && !is_gnu(s->facts->own);
}

/* ---- sizes and data ---- */

static inline bool is_size_unseen(const struct facts *f)
{
	const struct situation of_member = { .facts = f };

	return is_number_other(&of_member, "size", &SIZE_FIELD);
}

static inline bool is_size_other(const struct situation *s)
{
	return holds_here(s, is_size_unseen);
}

/* A record of a size, for what has no data: libarchive takes it by its word. */
static inline bool has_size_without_data(const struct situation *s)
{
	const struct facts *f = s->before;
	struct span text;
	uint64_t size;

	return type_of(f->own) >= '1' && type_of(f->own) <= '6' &&
	       seen_by_theirs(f, "size", &text) && decimal(&text, &size) && size > 0;
}

/* A hard link with a size: both guess whether that means data, each in another way. */
static inline bool is_hard_link_with_size(const struct situation *s)
{
	int64_t size;

	return type_of(s->before->own) == '1' &&
	       field_number(s->before->own, &SIZE_FIELD, &size) == 0 && size > 0;
}

static inline bool has_star_map(const struct situation *s)
{
	return type_of(facts_of(s)->own) == 'S' && is_star(facts_of(s)->own);
}

static inline bool are_gnu_fields_set(const struct facts *f)
{
	return is_gnu(f->own) && type_of(f->own) != 'S' && (f->own[483] || f->own[386]);
}

/* libarchive takes the fields of GNU's sparse files in any type. */
static inline bool has_gnu_fields(const struct situation *s)
{
	return holds_here(s, are_gnu_fields_set);
}

static inline bool has_realsize(const struct situation *s)
{
	struct span text;

	return seen_by_theirs(s->facts, "SCHILY.realsize", &text);
}

static inline bool is_holesdata_seen(const struct facts *f)
{
	struct span text;

	return seen_by_theirs(f, "SUN.holesdata", &text);
}

static inline bool has_holesdata(const struct situation *s)
{
	return holds_here(s, is_holesdata_seen);
}

static inline bool is_sparse(const struct facts *f)
{
	return type_of(f->own) == 'S' || has_sparse_records(f);
}

/* A map that GNU tar reads in another way than libarchive: see map_facts. */
static inline bool is_sparse_map_other(const struct facts *f)
{
	return is_sparse(f) && map_of(f).is_other;
}

static inline bool is_map_other(const struct situation *s)
{
	return holds_here(s, is_sparse_map_other);
}

/* Records about sparse files that libarchive does not see, or sees in another way: global ones, empty ones, some of another
 * version beside them, more than one map, some for a file whose header has a map. */
static inline bool are_records_odd(const struct facts *f)
{
	static const char *const keys[] = { "GNU.sparse.map",      "GNU.sparse.major",
					    "GNU.sparse.minor",    "GNU.sparse.size",
					    "GNU.sparse.realsize", "GNU.sparse.numblocks" };
	size_t lists = count_keys(f, "GNU.sparse.map");
	size_t pairs = count_keys(f, "GNU.sparse.offset") + count_keys(f, "GNU.sparse.numbytes");
	size_t versions = count_keys(f, "GNU.sparse.major") + count_keys(f, "GNU.sparse.minor");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_hidden(f, keys[i]))
			return true;
	return (lists > 0) + (pairs > 0) + (versions > 0) > 1 || lists > 1 ||
	       count_keys(f, "GNU.sparse.numblocks") > 1 || (versions > 0 && versions != 2) ||
	       (pairs > 0 && f->n_records > 1) ||
	       (count_keys(f, "GNU.sparse.") > 0 && type_of(f->own) == 'S');
}

static inline bool are_sparse_records_odd(const struct situation *s)
{
	return holds_here(s, are_records_odd);
}

static inline bool has_name_with_slash(const struct facts *f)
{
	struct span name = f->long_name;

	if (!name.at)
		name = (struct span){ f->own, strnlen((const char *)f->own, 100) };
	if (name.size == 0 && is_ustar(f->own) && f->own[345])
		name = (struct span){ (const uint8_t *)"/", 1 }; /* behind the prefix */
	(void)effective(f, "path", &name);
	(void)effective(f, "GNU.sparse.name", &name);
	return name.size > 0 && name.at[name.size - 1] == '/';
}

/* A map in the data of what has none: libarchive reads it. */
static inline bool has_map_without_data(const struct situation *s)
{
	const struct facts *f = s->before;

	return (s->ours->type != MEMBER_FILE && count_keys(f, "GNU.sparse.m") > 0) ||
	       (s->theirs_refuses && s->facts->own &&
		(strchr("123456D", type_of(s->facts->own)) || has_name_with_slash(s->facts)) &&
		count_keys(s->facts, "GNU.sparse.m") > 0);
}

/* Data that no map names: libarchive looks there for the next header. */
static inline bool has_data_behind_map(const struct situation *s)
{
	struct map_facts m;

	if (s->ours->type != MEMBER_FILE || !is_sparse(s->before))
		return false;
	m = map_of(s->before);
	return m.data < data_size(s->before, false);
}

#define BIT(difference) (1U << (difference))
#define BEHIND (BIT(PLACE) | BIT(OURS_REFUSES) | BIT(THEIRS_REFUSES))

static const struct explanation {
	const char *name;
	uint32_t differences;
	bool (*holds)(const struct situation *s);
} explanations[] = {
	/* ---- what ours refuses ---- */
	{ "a number that is none", BIT(OURS_REFUSES), is_no_number },
	{ "a number out of range", BIT(OURS_REFUSES), is_number_out_of_range },
	{ "an owner that Linux has not", BIT(OURS_REFUSES), is_no_owner },
	{ "a device that Linux has not", BIT(OURS_REFUSES), is_no_device },
	{ "a record that is none", BIT(OURS_REFUSES), is_no_record },
	{ "a value that is none", BIT(OURS_REFUSES), is_no_value },
	{ "a value out of range", BIT(OURS_REFUSES), is_value_out_of_range },
	{ "an attribute that is none", BIT(OURS_REFUSES), is_no_attribute },
	{ "an ACL that is none", BIT(OURS_REFUSES), is_no_acl },
	{ "a map that cannot be", BIT(OURS_REFUSES), is_no_map },
	{ "a sparse file of another version", BIT(OURS_REFUSES), is_unknown_version },
	{ "no end marker", BIT(OURS_REFUSES), is_endless },
	{ "more behind the end", BIT(OURS_REFUSES), has_more },
	{ "no name", BIT(OURS_REFUSES), has_no_name },
	{ "no target", BIT(OURS_REFUSES), has_no_target },
	{ "another volume", BIT(OURS_REFUSES), is_other_volume },
	{ "a cut that libarchive does not see", BIT(OURS_REFUSES), is_cut },
	{ "a long name that is empty", BIT(OURS_REFUSES), is_long_name_empty },
	{ "many global records", BIT(OURS_REFUSES), has_many_globals },

	/* ---- what libarchive refuses ---- */
	{ "a checksum with something behind it", BIT(THEIRS_REFUSES), has_odd_checksum },
	{ "an extended header without records at the end", BIT(THEIRS_REFUSES), is_empty_pax_last },

	/* ---- what is read otherwise ---- */
	{ "labels, Solaris' ACLs and odd sizes of special headers", BEHIND, has_other_headers },
	{ "libarchive normalises paths of pax", BIT(PATH), is_path_composed },
	{ "libarchive normalises targets of pax", BIT(TARGET), is_target_composed },
	{ "a path that libarchive does not see", BIT(PATH), is_path_hidden },
	{ "a target that libarchive does not see", BIT(TARGET), is_target_hidden },
	{ "libarchive takes L before x", BIT(PATH), is_name_before_pax },
	{ "libarchive takes K before x", BIT(TARGET), is_link_before_pax },
	{ "a prefix with a slash at its end", BIT(PATH), has_prefix_a_slash },
	{ "half a magic", BIT(PATH) | BIT(DEVICE), has_half_a_magic },
	{ "a link without a target of its own", BIT(TYPE) | BIT(TARGET), has_no_own_target },
	{ "a directory by its slash", BIT(TYPE) | BEHIND, is_directory_by_slash },
	{ "a directory by another name", BIT(TYPE) | BEHIND, is_other_name },
	{ "an owner that libarchive does not see", BIT(OWNER), is_owner_other },
	{ "a time that libarchive does not see", BIT(TIME), is_time_other },
	{ "a mode that libarchive does not see", BIT(MODE), is_mode_other },
	{ "libarchive changes the mode by the ACL", BIT(MODE), has_acl },
	{ "a device that libarchive does not see", BIT(DEVICE), is_device_other },
	{ "a device without magic", BIT(DEVICE), has_no_magic },
	{ "a size that libarchive does not see", BIT(SIZE) | BIT(DATA) | BEHIND, is_size_other },
	{ "SCHILY.realsize", BIT(SIZE), has_realsize },
	{ "star's maps, which libarchive does not know", BIT(SIZE) | BIT(DATA) | BEHIND,
	  has_star_map },
	{ "GNU's sparse fields in another type", BIT(SIZE) | BIT(DATA) | BEHIND, has_gnu_fields },
	{ "SUN.holesdata", BIT(DATA) | BEHIND, has_holesdata },
	{ "a map that libarchive reads otherwise", BIT(SIZE) | BIT(DATA) | BEHIND, is_map_other },
	{ "records of sparse files that libarchive reads otherwise", BIT(SIZE) | BIT(DATA) | BEHIND,
	  are_sparse_records_odd },
	{ "a map for what has no data", BEHIND, has_map_without_data },
	{ "data behind a map", BEHIND, has_data_behind_map },
	{ "a size for what has no data", BEHIND, has_size_without_data },
	{ "a hard link with a size", BEHIND, is_hard_link_with_size },
};
