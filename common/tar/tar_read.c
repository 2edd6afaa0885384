/*
 * The sequence of headers and data. A member is some special headers (pax 'x', GNU 'L' and 'K'), which are kept as text, then
 * its own header, then its data. What a field of a header means is said in tar_header.c, tar_pax.c, tar_sparse.c.
 */
#include "tar/tar_read.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "tar/input.h"
#include "tar/tar_header.h"
#include "tar/tar_pax.h"
#include "tar/tar_xattrs.h"

#define KEPT_ROOM (64 << 10)    /* larger buffers are freed behind their member */
#define GLOBAL_MAX (64 << 10)   /* bytes of records in all that hold for all members */
#define GLOBAL_RECORDS_MAX 1024 /* each is compared with each of the next header */

/* What special headers say. */
struct text {
	char *bytes; /* owned; with a NUL behind */
	size_t used, room;
};

struct tar_reader {
	struct input in;
	size_t memory;            /* bytes that headers may take */
	uint8_t block[TAR_BLOCK]; /* one that lies in two pieces */

	struct text global, local; /* records of 'g' headers, and of 'x' headers before a member */
	struct text long_name, long_link; /* of 'L' and 'K' */
	struct tar_header header;
	struct tar_pax pax;

	bool may_lack_end;
	bool is_file, has_map; /* the last member */
	struct tar_map map;
	size_t extent; /* of the map, from which data comes next */
	uint64_t data; /* bytes of the member that are still in the archive, behind its headers */
	uint64_t padding;   /* behind them */
	uint64_t link_data; /* what a hard link may have instead */
	uint64_t offset;    /* of the next data, in the file or, with a map, in the extent */
};

int tar_reader_open(tar_source_fn *source, void *arg, const char *name, size_t memory,
		    struct tar_reader **ret, struct fail *f)
{
	struct tar_reader *t = calloc(1, sizeof(*t));

	if (!t)
		return fail_errno(f, ENOMEM, name, "cannot read it");
	t->in = (struct input){ .source = source, .arg = arg, .name = name };
	t->memory = memory;
	*ret = t;
	return 0;
}

static void free_text(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}

void tar_reader_close(struct tar_reader *t)
{
	if (!t)
		return;
	free_text(&t->global);
	free_text(&t->local);
	free_text(&t->long_name);
	free_text(&t->long_link);
	tar_map_free(&t->map);
	free(t);
}

void tar_reader_take_without_end(struct tar_reader *t)
{
	t->may_lack_end = true;
}

/* ---- bytes ---- */

/* The block stays where it is until the source is asked again. */
static int take_block(struct tar_reader *t, const uint8_t **ret, struct fail *f)
{
	if (t->in.left >= TAR_BLOCK) {
		*ret = t->in.at;
		t->in.at += TAR_BLOCK;
		t->in.left -= TAR_BLOCK;
		return 0;
	}
	*ret = t->block;
	return input_take(&t->in, t->block, TAR_BLOCK, f);
}

/* ---- the end ---- */

/* One block of zeros has been seen. Another one must follow. */
static int check_end(struct tar_reader *t, struct fail *f)
{
	uint64_t first = input_position(&t->in);
	int r = input_check_end(&t->in, f);

	if (r == 0 && !t->may_lack_end && input_position(&t->in) - first < TAR_BLOCK)
		return input_fail_no_end(&t->in, f);
	return r;
}

/* ---- special headers ---- */

static int fail_memory(const char *what, struct fail *f)
{
	return fail_set(
		f, E2BIG, what,
		"Archive it again with `tarboot pack` or without --sparse, or leave it out.",
		"its names, attributes or map of holes take too much memory");
}

static uint64_t text_memory(const struct tar_reader *t)
{
	return t->global.room + t->local.room + t->long_name.room + t->long_link.room;
}

/* Attributes are copied twice: for the member, and until its file is complete. */
static uint64_t memory_taken(const struct tar_reader *t)
{
	return text_memory(t) + 2 * tar_xattrs_memory(t->global.bytes, t->global.used) +
	       2 * tar_xattrs_memory(t->local.bytes, t->local.used);
}

/* Appends the data of a special header. */
static int read_text(struct tar_reader *t, struct text *text, struct fail *f)
{
	uint64_t size = t->header.size;
	size_t room;
	char *bytes;
	int r;

	if (size >= t->memory)
		return fail_memory(t->header.name, f);
	room = text->used + (size_t)size + 1;
	if (room > text->room) {
		if (text_memory(t) - text->room + room > t->memory)
			return fail_memory(t->header.name, f);
		bytes = realloc(text->bytes, room);
		if (!bytes)
			return fail_errno(f, ENOMEM, t->header.name, "cannot read its headers");
		text->bytes = bytes;
		text->room = room;
	}
	r = input_take(&t->in, text->bytes + text->used, (size_t)size, f);
	if (r < 0)
		return r;
	text->used += (size_t)size;
	text->bytes[text->used] = '\0';
	return input_skip(&t->in, -size % TAR_BLOCK, f);
}

/* The records of several headers stand behind each other. */
static int read_records(struct tar_reader *t, struct text *text, struct fail *f)
{
	size_t before = text->used, end = before;
	struct tar_pax_record record;
	int r = read_text(t, text, f);

	if (r == 0)
		r = tar_pax_check(text->bytes + before, text->used - before, t->header.name, f);
	if (r < 0)
		return r;
	while (tar_pax_next(text->bytes, text->used, &end, &record))
		;
	text->used = end; /* NULs may follow the last record */
	return 0;
}

static bool has_key(const char *text, size_t from, size_t to, const char *key)
{
	struct tar_pax_record record;

	while (tar_pax_next(text, to, &from, &record))
		if (strcmp(record.key, key) == 0)
			return true;
	return false;
}

static int fail_global(const struct tar_reader *t, struct fail *f)
{
	return fail_set(f, E2BIG, t->in.name, TAR_REMAKE,
			"its global headers have more than %d records or %d KiB",
			GLOBAL_RECORDS_MAX, GLOBAL_MAX >> 10);
}

static size_t count_records(const struct text *text)
{
	struct tar_pax_record record;
	size_t cursor = 0, n = 0;

	while (tar_pax_next(text->bytes, text->used, &cursor, &record))
		n++;
	return n;
}

/* Global records hold until others of the same key take their place. */
static int read_global(struct tar_reader *t, struct fail *f)
{
	struct text *text = &t->global;
	size_t before = text->used, at = 0, end = 0, kept = 0;
	struct tar_pax_record record;
	int r;

	if (t->header.size > GLOBAL_MAX)
		return fail_global(t, f);
	r = read_records(t, text, f);
	if (r < 0)
		return r;
	if (count_records(text) > GLOBAL_RECORDS_MAX)
		return fail_global(t, f);
	for (; at < before && tar_pax_next(text->bytes, before, &end, &record); at = end) {
		if (has_key(text->bytes, before, text->used, record.key))
			continue;
		memmove(text->bytes + kept, text->bytes + at, end - at);
		kept += end - at;
	}
	memmove(text->bytes + kept, text->bytes + before, text->used - before);
	text->used -= before - kept;
	return text->used <= GLOBAL_MAX ? 0 : fail_global(t, f);
}

/* GNU's text ends with a NUL; of two the later one counts. */
static int read_name(struct tar_reader *t, struct text *text, struct fail *f)
{
	text->used = 0;
	if (t->header.size == 0)
		return fail_set(f, EBADMSG, t->header.name, TAR_REMAKE, "its long name is empty");
	return read_text(t, text, f);
}

static void forget(struct text *text)
{
	text->used = 0;
	if (text->room > KEPT_ROOM)
		free_text(text);
}

/* What belongs to the next member alone. */
static void forget_special(struct tar_reader *t)
{
	forget(&t->local);
	forget(&t->long_name);
	forget(&t->long_link);
}

/* 1: the header was no member's and is dealt with; 0: it is a member's. */
static int read_special(struct tar_reader *t, struct fail *f)
{
	int r;

	switch (t->header.type) {
	case 'x':
	case 'X': /* of Solaris, before there was a standard */
		r = read_records(t, &t->local, f);
		break;
	case 'g':
		r = read_global(t, f);
		break;
	case 'L':
		r = read_name(t, &t->long_name, f);
		break;
	case 'K':
		r = read_name(t, &t->long_link, f);
		break;
	case 'V': /* a label, which is no file */
		r = input_skip(&t->in, t->header.size + -t->header.size % TAR_BLOCK, f);
		forget_special(t);
		break;
	default:
		return 0;
	}
	return r < 0 ? r : 1;
}

static void forget_member(struct tar_reader *t)
{
	forget_special(t);
	if (t->map.room * sizeof(*t->map.extents) > KEPT_ROOM)
		tar_map_free(&t->map);
	t->pax = (struct tar_pax){ 0 };
	t->has_map = t->is_file = false;
	t->extent = 0;
	t->data = t->padding = t->offset = 0;
}

static bool has_special(const struct tar_reader *t)
{
	return t->local.used || t->long_name.used || t->long_link.used;
}

/* The name of the member whose own header was read last. */
static const char *member_name(const struct tar_reader *t)
{
	if (t->pax.sparse_name)
		return t->pax.sparse_name;
	if (t->pax.path)
		return t->pax.path;
	return t->long_name.used ? t->long_name.bytes : t->header.name;
}

/* The same for messages, before the records have been understood. */
static const char *likely_name(const struct tar_reader *t)
{
	const char *name = t->long_name.used ? t->long_name.bytes : t->header.name;
	struct tar_pax_record record;
	size_t cursor = 0;

	while (tar_pax_next(t->local.bytes, t->local.used, &cursor, &record))
		if (strcmp(record.key, "path") == 0 || strcmp(record.key, "GNU.sparse.name") == 0)
			name = record.value;
	return name;
}

static int apply_records(struct tar_reader *t, struct fail *f)
{
	const char *what = likely_name(t);
	int r = tar_pax_apply(t->global.bytes, t->global.used, what, &t->pax, f);

	return r < 0 ? r : tar_pax_apply(t->local.bytes, t->local.used, what, &t->pax, f);
}

static bool is_special(char type)
{
	return strchr("xXgLKV", type);
}

/* 1; 0 for a block of zeros; -errno. */
static int parse_header(struct tar_reader *t, const uint8_t *block, struct fail *f)
{
	unsigned long long at = input_position(&t->in) - TAR_BLOCK;
	int r;

	if (!tar_header_start(block, &t->header))
		return 0;
	if (!tar_header_is_whole(block) && t->in.members == 0)
		return fail_set(f, EBADMSG, t->in.name, "Give a tar archive, or make it again.",
				"it is not a tar archive, or its first header is damaged");
	if (!tar_header_is_whole(block))
		return fail_set(
			f, EBADMSG, t->in.name, TAR_REMAKE,
			"the tar header at byte %llu, after %s, is damaged: its checksum does "
			"not match",
			at, t->in.path);
	if (is_special(t->header.type))
		r = tar_header_numbers(block, t->header.name, &t->header, f);
	else
		r = apply_records(t, f);
	if (r == 0 && !is_special(t->header.type))
		r = tar_header_numbers(block, member_name(t), &t->header, f);
	return r < 0 ? r : 1;
}

/* POSIX lets pax archive the data of a hard link once more; programs that do not leave a size there, too, which means
 * nothing. So it is data only when it is no header, and no end of the archive. */
static bool is_link_data(const struct tar_reader *t, const uint8_t *block)
{
	return t->link_data > 0 && !is_zero(block, TAR_BLOCK) && !tar_header_is_whole(block);
}

/* Behind its first block, which was taken: 1 or -errno. */
static int skip_link_data(struct tar_reader *t, struct fail *f)
{
	uint64_t left = t->link_data > TAR_BLOCK ? t->link_data - TAR_BLOCK : 0;
	int r = input_skip(&t->in, left + -left % TAR_BLOCK, f);

	t->link_data = 0;
	return r < 0 ? r : 1;
}

/* Up to the header of a member, which stays at *ret_block until the source is asked again: 1, 0 at the end marker. */
static int read_headers(struct tar_reader *t, const uint8_t **ret_block, struct fail *f)
{
	int r;

	do {
		r = input_fill(&t->in, f);
		if (r == 0)
			return t->may_lack_end && !has_special(t) ? 0
								  : input_fail_no_end(&t->in, f);
		if (r > 0)
			r = take_block(t, ret_block, f);
		if (r == 0 && is_link_data(t, *ret_block)) {
			r = skip_link_data(t, f);
			continue;
		}
		t->link_data = 0; /* it could only stand here */
		if (r == 0)
			r = parse_header(t, *ret_block, f);
		if (r == 0 && has_special(t))
			return fail_set(f, EBADMSG, t->in.name, TAR_REMAKE,
					"no member follows its last extended header");
		if (r <= 0)
			return r;
		r = read_special(t, f);
	} while (r > 0);
	return r < 0 ? r : 1;
}

/* ---- members ---- */

static enum member_type find_type(const struct tar_reader *t, const char *path)
{
	switch (t->header.type) {
	case '1':
		return MEMBER_HARDLINK;
	case '2':
		return MEMBER_SYMLINK;
	case '3':
		return MEMBER_CHAR;
	case '4':
		return MEMBER_BLOCK;
	case '5':
	case 'D': /* GNU's incremental archives: its data lists the directory */
		return MEMBER_DIRECTORY;
	case '6':
		return MEMBER_FIFO;
	case '0':
	case '7': /* contiguous */
		return ends_with(path, "/") ? MEMBER_DIRECTORY
					    : MEMBER_FILE; /* V7 has no other ones */
	default: /* sparse 'S'; what is not known is a file, says POSIX */
		return MEMBER_FILE;
	}
}

/* Bytes that stand in the archive behind the header. */
static uint64_t find_data(const struct tar_reader *t, enum member_type type)
{
	uint64_t size = t->pax.size.given ? t->pax.size.value : t->header.size;

	if (type == MEMBER_DIRECTORY && t->header.type != 'D')
		return 0; /* also one by its name alone; old programs leave a size there */
	switch (t->header.type) {
	case '1': /* see read_headers */
	case '2':
	case '3':
	case '4':
	case '6':
		return 0;
	default:
		return size;
	}
}

static int set_names(struct tar_reader *t, struct member *m, struct fail *f)
{
	m->path = member_name(t);
	if (!*m->path)
		return fail_set(f, EINVAL, "the root archive", NULL, "a member has no name");
	m->type = find_type(t, m->path);
	if (m->type != MEMBER_HARDLINK && m->type != MEMBER_SYMLINK)
		return 0;
	m->target = t->pax.link         ? t->pax.link
		    : t->long_link.used ? t->long_link.bytes
					: t->header.link;
	return *m->target
		       ? 0
		       : fail_set(f, EBADMSG, m->path, TAR_REMAKE, "it is a link without a target");
}

static int64_t choose(const struct tar_pax_number *given, int64_t value)
{
	return given->given ? (int64_t)given->value : value;
}

static int set_numbers(struct tar_reader *t, struct member *m, struct fail *f)
{
	const struct tar_header *h = &t->header;
	int64_t uid = choose(&t->pax.uid, h->uid), gid = choose(&t->pax.gid, h->gid);
	bool device = m->type == MEMBER_CHAR || m->type == MEMBER_BLOCK;
	int64_t major = device ? choose(&t->pax.major, h->major) : 0;
	int64_t minor = device ? choose(&t->pax.minor, h->minor) : 0;
	int r = member_check_owner(m->path, uid, gid, f);

	if (r == 0)
		r = member_check_device(m->path, major, minor, f);
	if (r < 0)
		return r;
	m->mode = h->mode;
	m->uid = (uid_t)uid;
	m->gid = (gid_t)gid;
	m->rdev = makedev((unsigned)major, (unsigned)minor);
	m->mtime = t->pax.mtime.given ? t->pax.mtime.value : (struct timespec){ h->mtime, 0 };
	return 0;
}

static int read_map_blocks(struct tar_reader *t, const uint8_t *block, const char *path,
			   struct fail *f)
{
	bool more;
	int r = tar_map_add_header(&t->map, block, t->header.format, &more, path, f);

	while (r == 0 && more) {
		r = take_block(t, &block, f);
		if (r == 0)
			r = tar_map_add_extension(&t->map, block, &more, path, f);
	}
	return r;
}

/* Of GNU's version 1.0, which stands at the start of the data. */
static int read_map_text(struct tar_reader *t, const char *path, struct fail *f)
{
	struct tar_map_text state = { 0 };
	const uint8_t *block;
	bool done = false;
	int r = 0;

	if (t->pax.sparse_major.value != 1 || t->pax.sparse_minor.value != 0 ||
	    !t->pax.sparse_size.given)
		return fail_set(f, EBADMSG, path, "Archive it again without --sparse.",
				"it is a sparse file in an unknown version of the format");
	t->map.real_size = t->pax.sparse_size.value;
	while (r == 0 && !done) {
		if (t->data < TAR_BLOCK)
			return fail_set(f, EBADMSG, path, TAR_REMAKE,
					"its map of holes is cut short");
		r = take_block(t, &block, f);
		if (r == 0)
			r = tar_map_add_text(&t->map, &state, block, &done, path, f);
		t->data -= TAR_BLOCK;
	}
	return r;
}

static int read_map(struct tar_reader *t, const uint8_t *block, struct member *m, struct fail *f)
{
	uint64_t taken = memory_taken(t);
	int r;

	t->map.n = 0;
	t->map.data = t->map.end = 0;
	t->map.memory = taken < t->memory ? t->memory - (size_t)taken : 0;
	if (t->header.type == 'S')
		r = read_map_blocks(t, block, m->path, f);
	else if (t->pax.sparse_major.given && t->pax.sparse_major.value > 0)
		r = read_map_text(t, m->path, f);
	else if (tar_pax_is_sparse(&t->pax, t->local.bytes, t->local.used))
		r = tar_map_add_records(&t->map, &t->pax, t->local.bytes, t->local.used, m->path,
					f);
	else
		return 0;
	if (r == 0)
		r = tar_map_finish(&t->map, t->data, m->path, f);
	t->has_map = true; /* an empty file has one, too: what the archive has for it is no data */
	m->size = t->map.real_size;
	return r;
}

/* Where the data is, and how much of it. */
static int set_data(struct tar_reader *t, const uint8_t *block, struct member *m, struct fail *f)
{
	t->is_file = m->type == MEMBER_FILE;
	t->link_data = m->type == MEMBER_HARDLINK && t->local.used > 0 ? t->header.size : 0;
	t->data = find_data(t, m->type);
	t->padding = -t->data % TAR_BLOCK;
	if (!t->is_file)
		return 0;
	m->size = t->data;
	return read_map(t, block, m, f);
}

static int set_xattrs(struct tar_reader *t, struct member *m, struct fail *f)
{
	size_t size = tar_xattrs_memory(t->global.bytes, t->global.used) +
		      tar_xattrs_memory(t->local.bytes, t->local.used);
	int r;

	if (memory_taken(t) > t->memory)
		return fail_memory(m->path, f);
	if (xattrs_reserve(&m->xattrs, size) < 0)
		return fail_errno(f, ENOMEM, m->path, "cannot hold its extended attributes");
	r = tar_xattrs_add(t->global.bytes, t->global.used, m->path, &m->xattrs, f);
	if (r == 0)
		r = tar_xattrs_add(t->local.bytes, t->local.used, m->path, &m->xattrs, f);
	return r == 0 ? tar_xattrs_add_acls(&t->pax, m->path, &m->xattrs, f) : r;
}

static int describe(struct tar_reader *t, const uint8_t *block, struct member *ret, struct fail *f)
{
	struct member m = { 0 };
	int r = set_names(t, &m, f);

	if (r == 0 && t->header.type == 'M')
		return fail_set(f, EBADMSG, m.path,
				"Join the volumes: tar -xM, then archive it again.",
				"it is continued from another volume of the archive");
	if (r == 0)
		r = set_numbers(t, &m, f);
	if (r == 0)
		r = set_data(t, block, &m, f);
	if (r == 0)
		r = set_xattrs(t, &m, f);
	if (r < 0) {
		member_free(&m);
		return r;
	}
	*ret = m;
	return 0;
}

/* What is left of the last member. */
static int skip_rest(struct tar_reader *t, struct fail *f)
{
	int r = input_skip(&t->in, t->data, f);

	if (r == 0 && t->may_lack_end && (r = input_fill(&t->in, f)) <= 0)
		return r;
	return r < 0 ? r : input_skip(&t->in, t->padding, f);
}

int tar_reader_next(struct tar_reader *t, struct member *ret, struct fail *f)
{
	const uint8_t *block = NULL;
	uint64_t start;
	int r = skip_rest(t, f);

	forget_member(t);
	if (r == 0)
		input_end_member(&t->in);
	start = input_position(&t->in);
	if (r == 0)
		r = read_headers(t, &block, f);
	if (r == 0)
		return check_end(t, f);
	if (r > 0)
		r = describe(t, block, ret, f);
	if (r < 0)
		return r;
	input_add_member(&t->in, start, ret->path);
	return 1;
}

/* Steps to the next extent that has data left; false: there is none. */
static bool find_extent(struct tar_reader *t)
{
	while (t->extent < t->map.n && t->offset == t->map.extents[t->extent].size) {
		t->extent++;
		t->offset = 0;
	}
	return t->extent < t->map.n;
}

int tar_reader_data(struct tar_reader *t, const void **ret_data, size_t *ret_size,
		    uint64_t *ret_offset, struct fail *f)
{
	uint64_t want = t->is_file ? t->data : 0, start = 0;
	const uint8_t *data = NULL;
	int r;

	if (t->has_map && !find_extent(t))
		return 0;
	if (t->has_map) {
		start = t->map.extents[t->extent].offset;
		want = t->map.extents[t->extent].size - t->offset;
	}
	if (want == 0)
		return 0;
	r = input_take_piece(&t->in, want, &data, ret_size, f);
	if (r < 0)
		return r;
	*ret_data = data;
	*ret_offset = start + t->offset;
	t->offset += *ret_size;
	t->data -= *ret_size;
	return 1;
}

const struct tar_extent *tar_reader_extents(const struct tar_reader *t, size_t *ret_n)
{
	*ret_n = t->has_map ? t->map.n : 0;
	return t->has_map ? t->map.extents : NULL;
}

uint64_t tar_reader_bytes(const struct tar_reader *t)
{
	return t->in.taken;
}

uint64_t tar_reader_members(const struct tar_reader *t)
{
	return t->in.members;
}

uint64_t tar_reader_offset(const struct tar_reader *t)
{
	return input_position(&t->in);
}

uint64_t tar_reader_position(const struct tar_reader *t)
{
	return t->in.position;
}

const char *tar_reader_path(const struct tar_reader *t)
{
	return t->in.path;
}
