/* Maps, checked as they grow. */
#include "tar/tar_sparse.h"

#include <errno.h>
#include <inttypes.h>

/* An entry is offset and size, 12 bytes each (GNU's struct sparse). */
#define ENTRY_SIZE 24
#define ENTRY_NUMBER 12

/* Where the map stands in a header: GNU's oldgnu_header, star's star_in_header, and the extension of both. */
static const struct layout {
	size_t entries, n, more, real_size;
} gnu_layout = { 386, 4, 482, 483 }, star_layout = { 356, 4, 355, 452 },
  extension_layout = { 0, 21, 504, 0 };

static int fail_map(const char *what, const char *why, struct fail *f)
{
	return fail_set(f, EBADMSG, what, TAR_REMAKE, "%s", why);
}

static int grow(struct tar_map *map, const char *what, struct fail *f)
{
	size_t room = map->room ? 2 * map->room : 16;
	struct tar_extent *extents;

	if (room * sizeof(*extents) > map->memory)
		return fail_set(f, E2BIG, what,
				"Archive it again without --sparse, or leave it out.",
				"its map of more than %zu holes takes too much memory", map->n);
	extents = realloc(map->extents, room * sizeof(*extents));
	if (!extents)
		return fail_errno(f, ENOMEM, what, "cannot hold its map of holes");
	map->extents = extents;
	map->room = room;
	return 0;
}

int tar_map_add(struct tar_map *map, uint64_t offset, uint64_t size, const char *what,
		struct fail *f)
{
	int r;

	if (offset < map->end)
		return fail_map(what, "its map of holes has entries that overlap or are not sorted",
				f);
	if (offset > map->real_size || size > map->real_size - offset)
		return fail_map(what, "its map of holes extends beyond the end of the file", f);
	map->end = offset + size;
	if (size == 0)
		return 0;
	r = map->n == map->room ? grow(map, what, f) : 0;
	if (r < 0)
		return r;
	map->extents[map->n++] = (struct tar_extent){ offset, size };
	map->data += size;
	return 0;
}

int tar_map_finish(struct tar_map *map, uint64_t data, const char *what, struct fail *f)
{
	int r = 0;

	if (map->data > data)
		return fail_map(what, "its map of holes lists more data than the archive has", f);
	if (map->data == 0 && data > 0)
		return fail_map(what, "its map of holes lists none of its data", f);
	if (map->n == 0 && map->room == 0)
		r = grow(map, what, f);
	if (r == 0 && map->n == 0 && map->real_size > 0)
		map->extents[map->n++] = (struct tar_extent){ map->real_size, 0 };
	return r;
}

/* ---- in header blocks ---- */

/* An entry without a size ends the map. */
static int add_entries(struct tar_map *map, const uint8_t *block, const struct layout *layout,
		       bool *ret_more, const char *what, struct fail *f)
{
	uint64_t offset = 0, size = 0;
	int r;

	*ret_more = block[layout->more] != 0;
	for (size_t i = 0; i < layout->n; i++) {
		const uint8_t *entry = block + layout->entries + i * ENTRY_SIZE;

		if (entry[ENTRY_NUMBER] == '\0')
			return *ret_more ? fail_map(what,
						    "its map of holes ends before its last header "
						    "block",
						    f)
					 : 0;
		r = tar_size_parse(entry, ENTRY_NUMBER, "offset in the map of holes", what, &offset,
				   f);
		if (r == 0)
			r = tar_size_parse(entry + ENTRY_NUMBER, ENTRY_NUMBER,
					   "size in the map of holes", what, &size, f);
		if (r == 0)
			r = tar_map_add(map, offset, size, what, f);
		if (r < 0)
			return r;
	}
	return 0;
}

int tar_map_add_header(struct tar_map *map, const uint8_t block[TAR_BLOCK], enum tar_format format,
		       bool *ret_more, const char *what, struct fail *f)
{
	const struct layout *layout = format == TAR_GNU ? &gnu_layout : &star_layout;
	int r;

	if (format != TAR_GNU && format != TAR_STAR)
		return fail_set(
			f, EBADMSG, what, TAR_REMAKE,
			"it is a sparse file in an archive format that has no sparse files");
	r = tar_size_parse(block + layout->real_size, ENTRY_NUMBER, "real size", what,
			   &map->real_size, f);
	return r < 0 ? r : add_entries(map, block, layout, ret_more, what, f);
}

int tar_map_add_extension(struct tar_map *map, const uint8_t block[TAR_BLOCK], bool *ret_more,
			  const char *what, struct fail *f)
{
	return add_entries(map, block, &extension_layout, ret_more, what, f);
}

/* ---- in pax records ---- */

static bool is_pair_key(const char *key)
{
	return strcmp(key, "GNU.sparse.offset") == 0 || strcmp(key, "GNU.sparse.numbytes") == 0;
}

bool tar_pax_is_sparse(const struct tar_pax *p, const char *text, size_t size)
{
	struct tar_pax_record record;
	size_t cursor = 0;

	if (p->sparse_name || p->sparse_map || p->sparse_major.given || p->sparse_minor.given ||
	    p->sparse_size.given || p->sparse_blocks.given)
		return true;
	while (tar_pax_next(text, size, &cursor, &record))
		if (is_pair_key(record.key))
			return true;
	return false;
}

/* Version 0.0: offset and size take turns. */
static int add_pairs(struct tar_map *map, const char *text, size_t size, uint64_t *ret_n,
		     const char *what, struct fail *f)
{
	uint64_t offset = 0, number;
	struct tar_pax_record record;
	size_t cursor = 0;
	bool is_offset, want_offset = true;
	int r = 0;

	for (*ret_n = 0; r == 0 && tar_pax_next(text, size, &cursor, &record);) {
		if (!is_pair_key(record.key))
			continue;
		is_offset = strcmp(record.key, "GNU.sparse.offset") == 0;
		if (is_offset != want_offset ||
		    tar_decimal_parse(record.value, record.value_size, &number) < 0)
			return fail_map(what, "its map of holes is not a list of offsets and sizes",
					f);
		if (is_offset)
			offset = number;
		else
			r = tar_map_add(map, offset, number, what, f);
		*ret_n += !is_offset;
		want_offset = !want_offset;
	}
	return r == 0 && !want_offset ? fail_map(what, "its map of holes is cut short", f) : r;
}

/* Version 0.1: all numbers in one record, with commas between. */
static int add_list(struct tar_map *map, const char *list, uint64_t *ret_n, const char *what,
		    struct fail *f)
{
	uint64_t numbers[2];
	size_t length;
	int r = 0;

	for (*ret_n = 0; r == 0 && *list; (*ret_n)++) {
		for (int i = 0; i < 2; i++, list += length + (list[length] == ',')) {
			length = strcspn(list, ",");
			if (tar_decimal_parse(list, length, &numbers[i]) < 0 ||
			    (i == 0 && list[length] != ',') ||
			    (list[length] == ',' && !list[length + 1]))
				return fail_map(
					what, "its map of holes is not a list of offsets and sizes",
					f);
		}
		r = tar_map_add(map, numbers[0], numbers[1], what, f);
	}
	return r;
}

int tar_map_add_records(struct tar_map *map, const struct tar_pax *p, const char *text, size_t size,
			const char *what, struct fail *f)
{
	uint64_t n;
	int r;

	if (!p->sparse_size.given)
		return fail_map(what, "its map of holes does not say how large the file is", f);
	if (!p->sparse_blocks.given)
		return fail_map(what, "its map of holes does not say how many entries it has", f);
	map->real_size = p->sparse_size.value;
	r = p->sparse_map ? add_list(map, p->sparse_map, &n, what, f)
			  : add_pairs(map, text, size, &n, what, f);
	if (r == 0 && p->sparse_blocks.value != n)
		return fail_map(what, "its map of holes does not have as many entries as it says",
				f);
	return r;
}

/* ---- before the data ---- */

/* The first number says how many pairs follow. */
static int end_number(struct tar_map *map, struct tar_map_text *state, const char *what,
		      struct fail *f)
{
	uint64_t number = state->number;
	int r = 0;

	if (state->digits == 0)
		return fail_map(what, "its map of holes has a line without a number", f);
	state->number = state->digits = 0;
	if (!state->counted) {
		state->counted = true;
		state->left = multiply_u64(number, 2);
		return 0;
	}
	if (state->left % 2 == 0)
		state->offset = number;
	else
		r = tar_map_add(map, state->offset, number, what, f);
	state->left--;
	return r;
}

int tar_map_add_text(struct tar_map *map, struct tar_map_text *state,
		     const uint8_t block[TAR_BLOCK], bool *ret_done, const char *what,
		     struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < TAR_BLOCK && !(state->counted && state->left == 0); i++) {
		if (block[i] == '\n') {
			r = end_number(map, state, what, f);
			continue;
		}
		if (block[i] < '0' || block[i] > '9' || ++state->digits > 19)
			return fail_map(what, "its map of holes is not a list of numbers", f);
		state->number = state->number * 10 + (uint64_t)(block[i] - '0');
	}
	*ret_done = state->counted && state->left == 0;
	return r;
}

void tar_map_free(struct tar_map *map)
{
	free(map->extents);
	*map = (struct tar_map){ 0 };
}
