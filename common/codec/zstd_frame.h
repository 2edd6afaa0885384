/*
 * The headers of zstd's format (RFC 8878): of frames, and of the blocks that a frame consists of. Pure: bytes in, struct out.
 * What they say of sizes is enough to find all frames of a file without decoding any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSTD_FRAME_HEADER_MAX 18
#define ZSTD_FRAME_MAGIC_SIZE 4
#define ZSTD_PART_HEADER_SIZE 3
#define ZSTD_TABLE_FOOTER_SIZE 9
#define ZSTD_TABLE_ENTRY_MOST 12
#define ZSTD_PART_MAX (128U << 10) /* bytes that one block decodes to, at most */

struct zstd_frame {
	bool is_skippable;   /* holds no data: skipped is all that counts then */
	uint32_t skipped;    /* bytes behind its header */
	unsigned variety;    /* of the 16 that are skippable */
	size_t header_size;  /* bytes, the magic included */
	bool has_size;       /* size is known */
	uint64_t size;       /* bytes that it decodes to */
	uint64_t window;     /* bytes that a decoder must keep */
	bool has_checksum;   /* 4 bytes behind the last block */
	uint32_t dictionary; /* the number of the one it needs; 0 = none */
};

/* A block of a frame: zstd's word, but here a Block is what the engine decodes by itself, so this is a part. */
struct zstd_part {
	bool is_last;
	uint32_t total; /* bytes behind its header */
	uint32_t most;  /* bytes that it decodes to, at most */
};

/* The seek table of the seekable format (contrib/seekable_format in zstd's source) is a skippable frame, the last of a file: an
 * entry for each frame before it, and a footer. */
struct zstd_table {
	uint32_t n;        /* entries */
	size_t entry_size; /* bytes of each in the file */
};

struct zstd_table_entry {
	uint32_t total, uncompressed; /* bytes of a frame; 0 uncompressed for a skippable one */
	bool has_checksum;
	uint32_t checksum; /* of what it decodes to, as frames have it */
};

/* Could a file start with these bytes? With any frame, skippable ones and those of versions before 0.8 too. */
bool zstd_frame_is_magic(const uint8_t *data, size_t size);

/* Reads the header at data, of which size bytes are here: ZSTD_FRAME_HEADER_MAX, or fewer at the end of the file. 0;
 * -ENODATA: it is longer than that; -EBADMSG: no frame starts there; -ENOTSUP: one that is reserved for later or of a version
 * before 0.8. */
int zstd_frame_parse(const uint8_t *data, size_t size, struct zstd_frame *ret);

/* 0, or -EBADMSG for one that cannot be in this frame. */
int zstd_part_parse(const uint8_t data[ZSTD_PART_HEADER_SIZE], const struct zstd_frame *frame,
		    struct zstd_part *ret);

/* Is this skippable frame, whose last bytes are these, a seek table? 0; -ENOENT: no, or one of a later format; -EBADMSG: one whose
 * size does not fit its entries. */
int zstd_table_parse(const struct zstd_frame *frame, const uint8_t footer[ZSTD_TABLE_FOOTER_SIZE],
		     struct zstd_table *ret);

struct zstd_table_entry zstd_table_entry_parse(const struct zstd_table *table,
					       const uint8_t *entry);
