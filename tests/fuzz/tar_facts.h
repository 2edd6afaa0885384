/*
 * What the headers of one member of a tar say, found without the reader under test, by the letter of the formats: by this the
 * differential fuzzer decides whether a reader may refuse it, and whether libarchive may read it otherwise.
 */
#pragma once

#include "fuzz.h"
#include "tar/tar_header.h"
#include "base/util.h"

#define FACTS_HEADERS_MAX 80 /* before one member; more than an input has blocks */
#define FACTS_GLOBAL_MAX 80

struct span {
	const uint8_t *at; /* NULL: there is none */
	size_t size;
};

struct facts {
	const uint8_t *archive;
	size_t size, start; /* of the archive; of the member's first header */
	const uint8_t *own; /* the member's own header; NULL: there is none */
	bool is_cut;        /* the archive ends before it */
	const uint8_t *special[FACTS_HEADERS_MAX]; /* headers before it, with labels */
	size_t n_special, behind;                  /* bytes before what stands behind them */
	struct span records[FACTS_HEADERS_MAX];    /* of each 'x' and 'X' */
	size_t n_records;
	struct span global[FACTS_GLOBAL_MAX]; /* of each 'g' up to here */
	size_t n_global;
	struct span long_name, long_link; /* up to their NUL */
	size_t name_at, link_at, pax_at;  /* where the last L, K and x stand in the order */
	bool label_hides;                 /* libarchive keeps what stands before a label */
};

struct field {
	const char *name; /* in messages */
	size_t at, size;
};

static const struct field MODE_FIELD = { "mode", 100, 8 }, UID_FIELD = { "uid", 108, 8 },
			  GID_FIELD = { "gid", 116, 8 }, SIZE_FIELD = { "size", 124, 12 },
			  MTIME_FIELD = { "mtime", 136, 12 },
			  MAJOR_FIELD = { "major device number", 329, 8 },
			  MINOR_FIELD = { "minor device number", 337, 8 },
			  ATIME_FIELD = { "atime", 476, 12 }, CTIME_FIELD = { "ctime", 488, 12 };

static inline char type_of(const uint8_t *header)
{
	return header[156] ? (char)header[156] : '0';
}

static inline bool is_gnu(const uint8_t *header)
{
	return memcmp(header + 257, "ustar  ", 8) == 0;
}

static inline bool is_ustar(const uint8_t *header)
{
	return memcmp(header + 257, "ustar", 6) == 0;
}

static inline bool is_star(const uint8_t *header)
{
	return is_ustar(header) && memcmp(header + 508, "tar", 4) == 0;
}

static inline bool looks_like_time(const uint8_t *field)
{
	return field[0] >= '0' && field[0] <= '7' && field[11] == ' ';
}

/* Star's two times, behind a short prefix; with its magic or without. */
static inline bool has_star_times(const uint8_t *header)
{
	return is_ustar(header) && header[475] == 0 && looks_like_time(header + 476) &&
	       looks_like_time(header + 488);
}

static inline bool is_zeros(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* ---- numbers ---- */

/* 0, -EINVAL: none; -ERANGE. The field may start with a NUL and blanks; octal digits up to a NUL or blank, or base 256. */
static inline int field_number(const uint8_t *header, const struct field *field, int64_t *ret)
{
	const uint8_t *at = header + field->at, *end = at + field->size;
	uint64_t value = 0;
	int r = 0;

	at += *at == 0;
	while (at < end && isspace(*at))
		at++;
	if (at == end)
		return -EINVAL;
	if (*at == 0x80 || *at == 0xff) {
		uint8_t sign = *at == 0xff ? 0xff : 0;

		for (value = sign ? UINT64_MAX : 0, at++; at < end; at++) {
			if ((value >> 56 & 0xff) != sign)
				r = -ERANGE;
			value = value << 8 | *at;
		}
		if ((value >> 63) != (sign & 1U))
			r = -ERANGE;
	} else {
		while (at < end && *at >= '0' && *at <= '7')
			value = value * 8 + (uint64_t)(*at++ - '0');
		r = at < end && *at && !isspace(*at) ? -EINVAL : 0;
	}
	*ret = (int64_t)value;
	return r;
}

/* What libarchive takes the field for: octal digits behind blanks, whatever follows; 0 when there are none. */
static inline int64_t theirs_number(const uint8_t *header, const struct field *field)
{
	const uint8_t *at = header + field->at, *end = at + field->size;
	uint64_t value = 0;
	int64_t number;

	if (*at >= 0x80)
		return (*at == 0x80 || *at == 0xff) && field_number(header, field, &number) == 0
			       ? number
			       : INT64_MIN;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (at < end && *at >= '0' && *at <= '7')
		value = value * 8 + (uint64_t)(*at++ - '0');
	return (int64_t)value;
}

static inline bool same_number(const uint8_t *header, const struct field *field)
{
	int64_t number;

	return field_number(header, field, &number) == 0 && number == theirs_number(header, field);
}

/* ---- records ---- */

/* The next record at *at; false: there is no whole one. */
static inline bool next_record(const struct span *text, size_t *at, struct span *ret_key,
			       struct span *ret_value)
{
	const uint8_t *line = text->at + *at, *equals;
	size_t left = text->size - *at, digits = 0, length = 0;

	while (digits < left && isdigit(line[digits]) && length <= left)
		length = length * 10 + (size_t)(line[digits++] - '0');
	if (digits == 0 || length > left || length < digits + 4 || line[digits] != ' ' ||
	    line[length - 1] != '\n')
		return false;
	equals = memchr(line + digits + 1, '=', length - digits - 2);
	if (!equals)
		return false;
	*ret_key = (struct span){ line + digits + 1, (size_t)(equals - line) - digits - 1 };
	*ret_value = (struct span){ equals + 1, (size_t)(line + length - 1 - equals) - 1 };
	*at += length;
	return true;
}

/* All records are whole, have a key without a blank first and no NUL in it; NULs may follow the last one. */
static inline bool records_are_good(const struct span *text)
{
	struct span key, value;
	size_t at = 0;

	while (at < text->size && text->at[at]) {
		if (!next_record(text, &at, &key, &value) || key.size == 0 || isblank(key.at[0]) ||
		    memchr(key.at, 0, key.size))
			return false;
	}
	return is_zeros(text->at + at, text->size - at);
}

/* Something stands behind the last record. */
static inline bool has_rest(const struct span *text)
{
	struct span key, value;
	size_t at = 0;

	while (next_record(text, &at, &key, &value))
		;
	return at < text->size;
}

static inline bool has_name(const struct span *key, const char *name)
{
	return key->size == strlen(name) && memcmp(key->at, name, key->size) == 0;
}

static inline bool starts_with(const struct span *key, const char *prefix)
{
	return key->size >= strlen(prefix) && memcmp(key->at, prefix, strlen(prefix)) == 0;
}

/* The last value of a key in n headers. */
static inline bool find_value(const struct span *texts, size_t n, const char *name,
			      struct span *ret)
{
	struct span key, value;
	bool found = false;

	for (size_t i = 0; i < n; i++)
		for (size_t at = 0; next_record(&texts[i], &at, &key, &value);)
			if (has_name(&key, name)) {
				*ret = value;
				found = true;
			}
	return found;
}

/* What holds for the member, by POSIX: the last local record, or else the last global one; an empty one is none. */
static inline bool effective(const struct facts *f, const char *name, struct span *ret)
{
	return (find_value(f->records, f->n_records, name, ret) ||
		find_value(f->global, f->n_global, name, ret)) &&
	       ret->size > 0;
}

/* What libarchive sees of that: the last 'x' alone. An empty value is one. */
static inline bool seen_by_theirs(const struct facts *f, const char *name, struct span *ret)
{
	return f->n_records > 0 && find_value(&f->records[f->n_records - 1], 1, name, ret);
}

/* Libarchive sees another value of a record than holds: a global one, one of an 'x' before another one, an empty one. */
static inline bool is_hidden(const struct facts *f, const char *name)
{
	struct span ours = { 0 }, theirs = { 0 };
	bool has_ours = effective(f, name, &ours), has_theirs = seen_by_theirs(f, name, &theirs);

	return has_ours != has_theirs || ours.size != theirs.size ||
	       (has_ours && memcmp(ours.at, theirs.at, ours.size) != 0);
}

static inline bool has_effective(const struct facts *f, const char *name)
{
	struct span unused;

	return effective(f, name, &unused);
}

/* Digits only; more than 2^63 is 2^63. */
static inline bool decimal(const struct span *text, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text->size; i++) {
		if (!isdigit(text->at[i]))
			return false;
		*ret = add_u64(multiply_u64(*ret, 10), (uint64_t)(text->at[i] - '0'));
		*ret = min_u64(*ret, 1ULL << 63);
	}
	return text->size > 0;
}

static inline bool effective_number(const struct facts *f, const char *name, uint64_t *ret)
{
	struct span text;

	return effective(f, name, &text) && decimal(&text, ret);
}

/* ---- headers ---- */

static inline struct span text_before_nul(const uint8_t *at, size_t size)
{
	return (struct span){ at, strnlen((const char *)at, size) };
}

static inline void add_special(struct facts *f, const uint8_t *header, size_t body)
{
	const uint8_t *text = header + TAR_BLOCK;

	f->special[f->n_special++] = header;
	switch (type_of(header)) {
	case 'x':
	case 'X':
		f->records[f->n_records++] = (struct span){ text, body };
		f->pax_at = f->n_special;
		break;
	case 'g':
		if (f->n_global < FACTS_GLOBAL_MAX)
			f->global[f->n_global++] = (struct span){ text, body };
		break;
	case 'L':
		f->long_name = text_before_nul(text, body);
		f->name_at = f->n_special;
		break;
	case 'K':
		f->long_link = text_before_nul(text, body);
		f->link_at = f->n_special;
		break;
	default: /* a label */
		f->label_hides = f->label_hides || f->n_records || f->long_name.at ||
				 f->long_link.at;
		f->n_records = 0;
		f->long_name = f->long_link = (struct span){ 0 };
	}
}

/* The member whose first header stands at start. before: the member before it, or NULL. */
static inline void facts_find(const uint8_t *archive, size_t size, uint64_t start,
			      const struct facts *before, struct facts *ret)
{
	size_t at = (size_t)min_u64(start, size + 1), body; /* size + 1: the archive ended before */
	int64_t said;

	*ret = (struct facts){ .archive = archive, .size = size, .start = at };
	for (; before && ret->n_global < before->n_global; ret->n_global++)
		ret->global[ret->n_global] = before->global[ret->n_global];
	for (; at <= size && size - at >= TAR_BLOCK && ret->n_special < FACTS_HEADERS_MAX;
	     at += TAR_BLOCK + body + -body % TAR_BLOCK) {
		const uint8_t *header = archive + at;

		ret->behind = at;
		if (is_zeros(header, TAR_BLOCK))
			return;
		if (!strchr("xXgLKV", type_of(header))) {
			ret->own = header;
			return;
		}
		if (field_number(header, &SIZE_FIELD, &said) < 0 || said < 0)
			said = 0;
		body = (size_t)min_u64((uint64_t)said, size - at - TAR_BLOCK);
		ret->is_cut = (uint64_t)said > body;
		add_special(ret, header, body);
	}
	ret->behind = at;
	ret->is_cut = ret->is_cut || at > size || size - at < TAR_BLOCK;
}

/* ---- data ---- */

/* Where a header has the map of a sparse file, and the blocks that extend it. */
struct map_place {
	size_t at, n, more, real_size;
};

static const struct map_place gnu_map = { 386, 4, 482, 483 }, star_map = { 356, 4, 355, 452 },
			      extension_map = { 0, 21, 504, 0 };

static inline const struct map_place *map_place_of(const uint8_t *header)
{
	return is_gnu(header) ? &gnu_map : is_star(header) ? &star_map : NULL;
}

/* Calls look for each header block of the map; returns how many blocks extend the header. */
typedef void look_fn(const uint8_t *block, const struct map_place *place, void *arg);
static inline size_t walk_map(const struct facts *f, look_fn *look, void *arg)
{
	const struct map_place *place = map_place_of(f->own);
	const uint8_t *block = f->own, *end = f->archive + f->size;
	size_t n = 0;

	while (place && type_of(f->own) == 'S') {
		if (look)
			look(block, place, arg);
		if (!block[place->more] || end - block < 2 * TAR_BLOCK)
			return n + (block[place->more] != 0);
		block += TAR_BLOCK;
		place = &extension_map;
		n++;
	}
	return n;
}

/* Bytes in the archive behind the header, by the rules of POSIX and GNU tar. is_file: whether it has data at all. */
static inline uint64_t data_size(const struct facts *f, bool is_directory)
{
	uint64_t given;
	int64_t said;

	if ((type_of(f->own) >= '1' && type_of(f->own) <= '6') ||
	    (is_directory && type_of(f->own) != 'D'))
		return 0;
	if (effective_number(f, "size", &given))
		return given;
	return field_number(f->own, &SIZE_FIELD, &said) == 0 && said > 0 ? (uint64_t)said : 0;
}

static inline size_t data_start(const struct facts *f)
{
	return (size_t)(f->own - f->archive) + TAR_BLOCK + walk_map(f, NULL, NULL) * TAR_BLOCK;
}

/* Where the next member starts. */
static inline uint64_t facts_end(const struct facts *f, bool is_directory)
{
	uint64_t size = data_size(f, is_directory);

	return add_u64(data_start(f), add_u64(size, -size % TAR_BLOCK));
}

/* ---- maps ---- */

struct map_facts {
	bool is_wrong, is_other; /* it cannot be; libarchive reads it otherwise */
	uint64_t end, data, real, n;
};

static inline void add_extent(struct map_facts *m, uint64_t offset, uint64_t size)
{
	m->is_wrong = m->is_wrong || offset < m->end || add_u64(offset, size) > m->real;
	m->end = add_u64(offset, size);
	m->data = add_u64(m->data, size);
	m->n++;
}

/* Libarchive ends a list at an offset that starts with a NUL, GNU tar at a size that does. */
static inline void look_at_map(const uint8_t *block, const struct map_place *place, void *arg)
{
	struct map_facts *m = arg;

	for (size_t i = 0; i < place->n; i++) {
		struct field offset = { "offset", place->at + i * 24, 12 };
		struct field size = { "size", place->at + i * 24 + 12, 12 };
		int64_t from = 0, n = 0;

		m->is_other = m->is_other || !block[offset.at] != !block[size.at];
		if (!block[size.at]) {
			m->is_wrong = m->is_wrong || block[place->more];
			return;
		}
		m->is_other = m->is_other || !same_number(block, &offset) ||
			      !same_number(block, &size);
		if (field_number(block, &offset, &from) < 0 || from < 0 ||
		    field_number(block, &size, &n) < 0 || n < 0)
			m->is_wrong = true;
		else
			add_extent(m, (uint64_t)from, (uint64_t)n);
	}
}

/* A number up to the next separator; false: there is none. */
static inline bool next_number(const uint8_t **at, const uint8_t *end, char separator,
			       uint64_t *ret)
{
	const uint8_t *stop = *at < end ? memchr(*at, separator, (size_t)(end - *at)) : NULL;
	struct span digits = { *at, (size_t)((stop ? stop : end) - *at) };

	if (*at >= end || (separator == '\n' && !stop) || digits.size > 19 ||
	    !decimal(&digits, ret))
		return false;
	*at = stop ? stop + 1 : end;
	return true;
}

/* Version 1.0: lines before the data; the rest of their last block is no data. Returns the bytes of the map. */
static inline size_t read_map_lines(const struct facts *f, struct map_facts *m)
{
	const uint8_t *start = f->archive + data_start(f), *at = start, *end = f->archive + f->size;
	uint64_t count, offset, size;

	m->is_wrong = start > end || !next_number(&at, end, '\n', &count);
	for (uint64_t i = 0; !m->is_wrong && i < count; i++) {
		if (!next_number(&at, end, '\n', &offset) || !next_number(&at, end, '\n', &size))
			m->is_wrong = true;
		else
			add_extent(m, offset, size);
	}
	return (size_t)(at - start) + -(size_t)(at - start) % TAR_BLOCK;
}

/* Version 0.1 */
static inline void read_map_list(const struct span *list, struct map_facts *m)
{
	const uint8_t *at = list->at, *end = at + list->size;
	uint64_t offset, size;

	m->is_wrong = list->size > 0 && end[-1] == ',';
	while (!m->is_wrong && at < end) {
		if (!next_number(&at, end, ',', &offset) || !next_number(&at, end, ',', &size))
			m->is_wrong = true;
		else
			add_extent(m, offset, size);
	}
}

/* Version 0.0: offsets and sizes take turns. */
static inline void read_map_pairs(const struct facts *f, struct map_facts *m)
{
	bool have_offset = false, have_count = false;
	struct span key, value;
	uint64_t offset = 0, number;

	for (size_t i = 0; i < f->n_records; i++) {
		for (size_t at = 0; next_record(&f->records[i], &at, &key, &value);) {
			bool is_offset = has_name(&key, "GNU.sparse.offset");

			have_count = have_count || has_name(&key, "GNU.sparse.numblocks");
			if (!is_offset && !has_name(&key, "GNU.sparse.numbytes"))
				continue;
			/* libarchive starts a list with the number of its entries */
			m->is_other = m->is_other || !have_count;
			if (is_offset == have_offset || !decimal(&value, &number)) {
				m->is_wrong = true;
				return;
			}
			if (is_offset)
				offset = number;
			else
				add_extent(m, offset, number);
			have_offset = is_offset;
		}
	}
	m->is_wrong = m->is_wrong || have_offset;
}

static inline size_t count_keys(const struct facts *f, const char *prefix)
{
	struct span key, value;
	size_t n = 0;

	for (size_t i = 0; i < f->n_records; i++)
		for (size_t at = 0; next_record(&f->records[i], &at, &key, &value);)
			n += starts_with(&key, prefix);
	return n;
}

/* A record says something about a sparse file, not only an empty value. */
static inline bool has_sparse_records(const struct facts *f)
{
	static const char *const keys[] = { "name",  "map",   "size",     "realsize",
					    "major", "minor", "numblocks" };
	char key[40];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(key, sizeof(key), "GNU.sparse.%s", keys[i]);
		if (has_effective(f, key))
			return true;
	}
	return count_keys(f, "GNU.sparse.offset") + count_keys(f, "GNU.sparse.numbytes") > 0;
}

/* Of size and realsize, the one that comes last. */
static inline bool sparse_size(const struct facts *f, uint64_t *ret)
{
	struct span key, value, found = { 0 };

	for (size_t i = 0; i < f->n_global + f->n_records; i++) {
		const struct span *text = i < f->n_global ? &f->global[i]
							  : &f->records[i - f->n_global];

		for (size_t at = 0; next_record(text, &at, &key, &value);)
			if (has_name(&key, "GNU.sparse.size") ||
			    has_name(&key, "GNU.sparse.realsize"))
				found = value;
	}
	return decimal(&found, ret);
}

/* data: what the archive has behind the map. All of the map is there, and not all of the data is left out. */
static inline struct map_facts end_map(struct map_facts m, uint64_t data)
{
	m.is_wrong = m.is_wrong || m.data > data || (m.data == 0 && data > 0);
	return m;
}

static inline struct map_facts map_of_header(const struct facts *f)
{
	const struct map_place *place = map_place_of(f->own);
	struct field field = { "real size", place ? place->real_size : 0, 12 };
	struct map_facts m = { 0 };
	int64_t real = -1;

	if (!place || field_number(f->own, &field, &real) < 0 || real < 0)
		return (struct map_facts){ .is_wrong = true };
	m.real = (uint64_t)real;
	/* libarchive knows no map without entries */
	m.is_other = !same_number(f->own, &field) || !f->own[field.at] || !f->own[place->at];
	(void)walk_map(f, look_at_map, &m);
	return end_map(m, data_size(f, false));
}

/* The map of a file, by whatever means; is_wrong when no file can have it. */
static inline struct map_facts map_of(const struct facts *f)
{
	uint64_t major, count, data = data_size(f, false), lines;
	struct map_facts m = { 0 };
	struct span list;
	bool has_real;

	if (type_of(f->own) == 'S')
		return map_of_header(f);
	has_real = sparse_size(f, &m.real);
	if (effective_number(f, "GNU.sparse.major", &major) && major > 0) {
		lines = read_map_lines(f, &m);
		m.is_wrong = m.is_wrong || !has_real || lines > data;
		m = end_map(m, data - lines);
		m.data += lines;
		return m;
	}
	if (effective(f, "GNU.sparse.map", &list))
		read_map_list(&list, &m);
	else
		read_map_pairs(f, &m);
	m.is_wrong = m.is_wrong || !has_real ||
		     !effective_number(f, "GNU.sparse.numblocks", &count) || count != m.n;
	return end_map(m, data);
}
