/* zstd files made to measure, frame by frame. */
#pragma once

#include <zstd.h>

#include "make_xz.h"

struct zstd_recipe {
	size_t every; /* bytes of a frame; 0 = one frame of all */
	int level;
	bool no_size, no_checksum;
	int window;       /* its logarithm; 0 = the level's */
	size_t skippable; /* bytes of a skippable frame before each */
	bool empty;       /* an empty frame behind each */
	bool table;       /* a seek table behind all */
	bool sums;        /* with checksums */
};

unsigned long long ZSTD_XXH64(const void *data, size_t size, unsigned long long seed);

/* The frames of a file: bytes in it, bytes uncompressed, and their checksum. */
static uint32_t zstd_entries[100][3];
static uint32_t n_zstd_entries;

static inline void note_zstd_entry(uint32_t total, const void *in, size_t size)
{
	if (n_zstd_entries == ARRAY_SIZE(zstd_entries))
		n_zstd_entries = 0; /* of files that get no table */
	zstd_entries[n_zstd_entries][0] = total;
	zstd_entries[n_zstd_entries][1] = (uint32_t)size;
	zstd_entries[n_zstd_entries++][2] = (uint32_t)ZSTD_XXH64(in, size, 0);
}

static inline void add_zstd_skippable(struct bytes *file, size_t size)
{
	uint8_t header[8] = { 0x5e, 0x2a, 0x4d, 0x18, (uint8_t)size, (uint8_t)(size >> 8) };

	bytes_add(file, header, sizeof(header));
	for (size_t i = 0; i < size; i++)
		bytes_add(file, "s", 1);
	note_zstd_entry((uint32_t)(8 + size), "", 0);
}

static inline void add_zstd_number(struct bytes *file, uint32_t n)
{
	uint8_t bytes[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
			     (uint8_t)(n >> 24) };

	bytes_add(file, bytes, sizeof(bytes));
}

/* Of the seekable format: an entry for each frame that was noted. */
static inline void add_zstd_table(struct bytes *file, bool sums)
{
	add_zstd_number(file, 0x184d2a5e);
	add_zstd_number(file, n_zstd_entries * (sums ? 12 : 8) + 9);
	for (uint32_t i = 0; i < n_zstd_entries; i++) {
		add_zstd_number(file, zstd_entries[i][0]);
		add_zstd_number(file, zstd_entries[i][1]);
		if (sums)
			add_zstd_number(file, zstd_entries[i][2]);
	}
	add_zstd_number(file, n_zstd_entries);
	bytes_add(file, sums ? "\x80" : "\0", 1);
	add_zstd_number(file, 0x8f92eab1);
}

static inline void add_zstd_frame(struct bytes *file, const struct zstd_recipe *r, const void *in,
				  size_t size)
{
	size_t room = ZSTD_compressBound(size) + 1024, left;
	uint8_t *out = malloc(room);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	ZSTD_outBuffer to = { out, room, 0 };
	ZSTD_inBuffer from = { in, size, 0 };

	if (!out || !context)
		scratch_die("malloc");
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, r->level);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, !r->no_checksum);
	if (r->window)
		ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, r->window);
	if (!r->no_size)
		ZSTD_CCtx_setPledgedSrcSize(context, size);
	else if (size > 0) /* a first piece, so that it cannot know */
		from.size = 1;
	left = ZSTD_compressStream2(context, &to, &from, r->no_size ? ZSTD_e_continue : ZSTD_e_end);
	from.size = size;
	while (!ZSTD_isError(left) && (left > 0 || r->no_size)) {
		left = ZSTD_compressStream2(context, &to, &from, ZSTD_e_end);
		if (left == 0)
			break;
	}
	if (ZSTD_isError(left))
		scratch_die(ZSTD_getErrorName(left));
	bytes_add(file, out, to.pos);
	note_zstd_entry((uint32_t)to.pos, in, size);
	ZSTD_freeCCtx(context);
	free(out);
}

static inline void add_zstd(struct bytes *file, const struct zstd_recipe *r, const void *data,
			    size_t size)
{
	size_t every = r->every ? r->every : size, n;

	n_zstd_entries = 0;
	for (size_t at = 0; at < size; at += n) {
		n = size - at < every ? size - at : every;
		if (r->skippable)
			add_zstd_skippable(file, r->skippable);
		add_zstd_frame(file, r, (const uint8_t *)data + at, n);
		if (r->empty)
			add_zstd_frame(file, r, data, 0);
	}
	if (r->skippable)
		add_zstd_skippable(file, r->skippable);
	if (r->table)
		add_zstd_table(file, r->sums);
}
