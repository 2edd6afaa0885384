/*
 * Mutations that know what an xz file is made of. It is found from its end, stream by stream, as the
 * format means it; headers, Index and footer are what mutations aim at, and their CRC32 are put right
 * afterwards, since nothing gets past wrong ones. An input is OWN_BYTES for the target, then the file.
 */
#pragma once

#include <lzma.h>

#include "fuzz.h"

#define XZ_REGIONS_MAX 64
#define XZ_BLOCKS_MAX 16 /* of a stream that is rewritten */

/* Bytes that a CRC32 behind them guards. */
struct xz_region {
	size_t at, size;
};

/* An Index: unpadded and uncompressed size of each Block. */
struct xz_records {
	size_t n;
	lzma_vli sizes[XZ_BLOCKS_MAX][2];
};

struct xz_map {
	size_t n;
	struct xz_region regions[XZ_REGIONS_MAX];
	size_t index, end; /* of the last stream; 0: there is none */
	struct xz_records records;
};

static inline uint32_t xz_get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void xz_put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static inline void xz_note(struct xz_map *map, size_t at, size_t size)
{
	if (map->n < XZ_REGIONS_MAX && size > 0)
		map->regions[map->n++] = (struct xz_region){ at, size };
}

/* Reads the Index as far as it makes sense. */
static inline void xz_read_index(const uint8_t *index, size_t size, struct xz_records *ret)
{
	lzma_vli count;
	size_t at = 1;

	ret->n = 0;
	if (lzma_vli_decode(&count, NULL, index, &at, size) != LZMA_OK)
		return;
	while (ret->n < count && ret->n < XZ_BLOCKS_MAX &&
	       lzma_vli_decode(&ret->sizes[ret->n][0], NULL, index, &at, size) == LZMA_OK &&
	       lzma_vli_decode(&ret->sizes[ret->n][1], NULL, index, &at, size) == LZMA_OK)
		ret->n++;
}

/* Bytes of the Blocks; more than limit when they cannot be. */
static inline size_t xz_blocks_size(const struct xz_records *records, size_t limit)
{
	uint64_t size = 0;

	for (size_t i = 0; i < records->n && size <= limit; i++)
		size += records->sizes[i][0] <= limit ? (records->sizes[i][0] + 3) & ~3ULL
						      : limit + 1;
	return size <= limit ? (size_t)size : limit + 1;
}

/* The stream that ends at end. Returns where it starts; end: there is none. */
static inline size_t xz_walk_stream(const uint8_t *xz, size_t end, struct xz_map *map)
{
	struct xz_records records;
	size_t index, blocks, block;
	uint64_t size;

	if (end < 32 || memcmp(xz + end - 2, "YZ", 2) != 0)
		return end;
	size = ((uint64_t)xz_get32(xz + end - 8) + 1) * 4;
	if (size > end - 24)
		return end;
	index = end - 12 - (size_t)size;
	xz_read_index(xz + index, (size_t)size - 4, &records);
	blocks = xz_blocks_size(&records, index - 12);
	if (blocks > index - 12)
		return end;
	block = index - blocks;
	xz_note(map, block - 12 + 6, 2);
	for (size_t i = 0; i < records.n; i++) {
		if (block + xz[block] * 4U + 4 <= index)
			xz_note(map, block, xz[block] * 4U);
		block += (size_t)(records.sizes[i][0] + 3) & ~(size_t)3;
	}
	xz_note(map, index, (size_t)size - 4);
	if (!map->end) {
		map->index = index;
		map->end = end;
		map->records = records;
	}
	return index - blocks - 12;
}

static inline void xz_walk(const uint8_t *xz, size_t size, struct xz_map *map)
{
	size_t end = size, next;

	map->n = map->index = map->end = 0;
	for (;;) {
		while (end >= 4 && memcmp(xz + end - 4, "\0\0\0", 4) == 0)
			end -= 4;
		next = xz_walk_stream(xz, end, map);
		if (next == end)
			return;
		end = next;
	}
}

/* The footer follows the Index; its CRC32 stands before what it guards, so it is no region. */
static inline void xz_repair(uint8_t *xz, size_t size)
{
	const struct xz_region *r;
	struct xz_map map;
	uint8_t *crc;

	xz_walk(xz, size, &map);
	for (r = map.regions; r < map.regions + map.n; r++) {
		crc = xz + r->at + r->size;
		xz_put32(crc, lzma_crc32(xz + r->at, r->size, 0));
		if (xz[r->at] == 0 && r->size > 2)
			xz_put32(crc + 4, lzma_crc32(crc + 8, 6, 0));
	}
}

/* Changes what the Index says: sizes, order, number of records, number of records announced. */
static inline uint64_t xz_lie(struct xz_records *records, uint32_t *random)
{
	lzma_vli *size, keep[2];
	size_t i, j;

	if (records->n == 0 || next_random(random) % 4 == 0)
		return records->n + next_random(random) % 3 +
		       ((uint64_t)1 << next_random(random) % 50);
	i = next_random(random) % records->n;
	j = next_random(random) % records->n;
	size = &records->sizes[i][next_random(random) % 2];
	switch (next_random(random) % 4) {
	case 0:
		*size += next_random(random) % 9 - 4;
		break;
	case 1:
		*size ^= (lzma_vli)1 << next_random(random) % 63;
		break;
	case 2:
		memcpy(keep, records->sizes[i], sizeof(keep));
		memcpy(records->sizes[i], records->sizes[j], sizeof(keep));
		memcpy(records->sizes[j], keep, sizeof(keep));
		break;
	default:
		records->n -= next_random(random) % 2;
		if (records->n < XZ_BLOCKS_MAX)
			memcpy(records->sizes[records->n++], records->sizes[j], sizeof(keep));
	}
	return records->n;
}

/* Writes another Index behind the Blocks of the last stream, and a footer. Returns the new size. */
static inline size_t xz_rewrite_index(uint8_t *xz, size_t size, size_t max_size, struct xz_map *map,
				      uint32_t *random)
{
	uint8_t out[XZ_BLOCKS_MAX * 20 + 64] = { 0 };
	uint64_t count = xz_lie(&map->records, random);
	size_t used = 1;

	lzma_vli_encode(count & LZMA_VLI_MAX, NULL, out, &used, sizeof(out));
	for (size_t i = 0; i < map->records.n; i++)
		for (int k = 0; k < 2; k++)
			lzma_vli_encode(map->records.sizes[i][k] & LZMA_VLI_MAX, NULL, out, &used,
					sizeof(out));
	used += -used & 3;
	xz_put32(out + used + 8, (uint32_t)used / 4);
	memcpy(out + used + 12, xz + map->end - 4, 4);
	if (map->index + used + 16 > max_size)
		return size;
	memcpy(xz + map->index, out, used + 16);
	return map->index + used + 16;
}

/* The whole file once more behind itself, or padding, or less of it. */
static inline size_t xz_append(uint8_t *xz, size_t size, size_t max_size, uint32_t *random)
{
	size_t n = next_random(random) % 3 ? 4 : size;

	if (next_random(random) % 4 == 0 && size > 4)
		return size - 4;
	if (n > max_size - size)
		return size;
	if (n == size)
		memcpy(xz + size, xz, n);
	else
		memset(xz + size, 0, n);
	return size + n;
}

static inline size_t xz_mutate(uint8_t *xz, size_t size, size_t max_size, uint32_t *random)
{
	uint32_t what = next_random(random) % 8;
	const struct xz_region *r;
	struct xz_map map;
	size_t at, n;

	xz_walk(xz, size, &map);
	if (!map.end || what == 0)
		return LLVMFuzzerMutate(xz, size, max_size);
	r = &map.regions[next_random(random) % map.n];
	at = next_random(random) % size;
	n = next_random(random) % 32;
	if (what < 4)
		mutate_in_place(xz + r->at, r->size, r->size);
	else if (what < 6)
		size = xz_rewrite_index(xz, size, max_size, &map, random);
	else if (what < 7)
		size = xz_append(xz, size, max_size, random);
	else
		mutate_in_place(xz + at, n < size - at ? n : size - at,
				n < size - at ? n : size - at);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return mutate_file(data, size, max_size, seed, OWN_BYTES, xz_mutate, xz_repair);
}
