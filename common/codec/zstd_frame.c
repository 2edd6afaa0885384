/* RFC 8878, 3.1.1 and 3.1.2. */
#include "codec/zstd_frame.h"

#include <errno.h>

#include "base/util.h"

#define MAGIC 0xfd2fb528U
#define MAGIC_SKIPPABLE 0x184d2a50U /* and the 15 that follow */
#define MAGIC_OLDEST 0xfd2fb51eU    /* of version 0.1; 0.2 to 0.7 follow, from 0xfd2fb522 */
#define MAGIC_TABLE 0x8f92eab1U     /* the last bytes of a seek table */
#define VARIETY_TABLE 14
#define WINDOW_LEAST 10 /* its logarithm */

enum { PART_RAW, PART_RLE, PART_COMPRESSED, PART_RESERVED };

static uint64_t little_endian(const uint8_t *data, size_t size)
{
	uint64_t n = 0;

	while (size-- > 0)
		n = n << 8 | data[size];
	return n;
}

static bool is_skippable(uint32_t magic)
{
	return (magic & ~15U) == MAGIC_SKIPPABLE;
}

static bool is_old(uint32_t magic)
{
	return magic == MAGIC_OLDEST || (magic > MAGIC_OLDEST + 3 && magic < MAGIC);
}

bool zstd_frame_is_magic(const uint8_t *data, size_t size)
{
	uint32_t magic;

	if (size < ZSTD_FRAME_MAGIC_SIZE)
		return false;
	magic = (uint32_t)little_endian(data, ZSTD_FRAME_MAGIC_SIZE);
	return magic == MAGIC || is_skippable(magic) || is_old(magic);
}

static int parse_skippable(const uint8_t *data, size_t size, struct zstd_frame *ret)
{
	if (size < 8)
		return -ENODATA;
	*ret = (struct zstd_frame){ .is_skippable = true,
				    .skipped = (uint32_t)little_endian(data + 4, 4),
				    .variety = data[0] & 15,
				    .header_size = 8 };
	return 0;
}

/* Eight steps between two powers of two. */
static uint64_t window_of(uint8_t descriptor)
{
	uint64_t base = 1ULL << (WINDOW_LEAST + (descriptor >> 3));

	return base + base / 8 * (descriptor & 7);
}

int zstd_frame_parse(const uint8_t *data, size_t size, struct zstd_frame *ret)
{
	static const uint8_t dictionary_sizes[] = { 0, 1, 2, 4 }, content_sizes[] = { 0, 2, 4, 8 };
	uint32_t magic;
	size_t at = ZSTD_FRAME_MAGIC_SIZE + 1, of_window, of_dictionary, of_content;
	uint8_t flags;
	bool is_single;

	if (size < ZSTD_FRAME_MAGIC_SIZE)
		return -EBADMSG;
	magic = (uint32_t)little_endian(data, ZSTD_FRAME_MAGIC_SIZE);
	if (is_skippable(magic))
		return parse_skippable(data, size, ret);
	if (magic != MAGIC)
		return is_old(magic) ? -ENOTSUP : -EBADMSG;
	if (size < at)
		return -ENODATA;
	flags = data[ZSTD_FRAME_MAGIC_SIZE];
	if (flags & 8)
		return -ENOTSUP;
	is_single = flags & 32;
	of_window = !is_single;
	of_dictionary = dictionary_sizes[flags & 3];
	of_content = is_single && flags < 64 ? 1 : content_sizes[flags >> 6];
	if (size < at + of_window + of_dictionary + of_content)
		return -ENODATA;
	*ret = (struct zstd_frame){ .has_checksum = flags & 4, .has_size = of_content > 0 };
	if (of_window)
		ret->window = window_of(data[at]);
	at += of_window;
	ret->dictionary = (uint32_t)little_endian(data + at, of_dictionary);
	at += of_dictionary;
	ret->size = little_endian(data + at, of_content) + (of_content == 2 ? 256 : 0);
	ret->header_size = at + of_content;
	if (is_single)
		ret->window = ret->size;
	return 0;
}

int zstd_part_parse(const uint8_t data[ZSTD_PART_HEADER_SIZE], const struct zstd_frame *frame,
		    struct zstd_part *ret)
{
	uint32_t header = (uint32_t)little_endian(data, ZSTD_PART_HEADER_SIZE);
	uint32_t size = header >> 3, type = header >> 1 & 3;
	uint32_t most = (uint32_t)min_u64(frame->window, ZSTD_PART_MAX);

	/* One of nothing cannot be compressed: libzstd refuses it or not, by how its input is cut. */
	if (type == PART_RESERVED || size > most || (type == PART_COMPRESSED && size == 0))
		return -EBADMSG;
	*ret = (struct zstd_part){ .is_last = header & 1,
				   .total = type == PART_RLE ? 1 : size,
				   .most = type == PART_COMPRESSED ? most : size };
	return 0;
}

int zstd_table_parse(const struct zstd_frame *frame, const uint8_t footer[ZSTD_TABLE_FOOTER_SIZE],
		     struct zstd_table *ret)
{
	uint8_t flags = footer
		[4]; /* 2 of them say nothing, 5 are reserved for what could not be read here */
	struct zstd_table table = { .n = (uint32_t)little_endian(footer, 4),
				    .entry_size = flags & 128 ? ZSTD_TABLE_ENTRY_MOST : 8 };

	if (!frame->is_skippable || frame->variety != VARIETY_TABLE ||
	    little_endian(footer + 5, 4) != MAGIC_TABLE || flags & 0x7c)
		return -ENOENT;
	if (frame->skipped != table.n * (uint64_t)table.entry_size + ZSTD_TABLE_FOOTER_SIZE)
		return -EBADMSG;
	*ret = table;
	return 0;
}

struct zstd_table_entry zstd_table_entry_parse(const struct zstd_table *table, const uint8_t *entry)
{
	bool has_checksum = table->entry_size == ZSTD_TABLE_ENTRY_MOST;

	return (struct zstd_table_entry){
		.total = (uint32_t)little_endian(entry, 4),
		.uncompressed = (uint32_t)little_endian(entry + 4, 4),
		.has_checksum = has_checksum,
		.checksum = has_checksum ? (uint32_t)little_endian(entry + 8, 4) : 0
	};
}
