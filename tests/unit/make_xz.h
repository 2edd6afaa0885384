/*
 * xz files made to measure, good ones and those that no encoder would write: Blocks of any size, with
 * or without sizes in their headers, any check, an Index that lies.
 */
#pragma once

#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>

#include "codec/payload.h"
#include "scratch.h"

struct bytes {
	uint8_t *data;
	size_t size, room;
};

#define XZ_BLOCKS_MAX 1024

/* One stream; Blocks of these sizes cut the data into pieces. */
struct xz_recipe {
	size_t blocks[16]; /* bytes each; the last one that is not 0 takes what remains */
	size_t n_blocks;
	size_t every;  /* Blocks of so many bytes instead, but for the last */
	bool no_sizes; /* Block headers without sizes, as xz -T1 writes them */
	bool stored;   /* not compressed, which is much faster */
	lzma_check check;
	int lie_unpadded, lie_uncompressed; /* added to the Index record of Block number lie */
	size_t lie;
	bool drop_last_record, swap_records;
	unsigned padding; /* zero bytes behind the stream */
};

static inline void bytes_add(struct bytes *b, const void *data, size_t size)
{
	if (b->size + size > b->room) {
		b->room = (b->size + size) * 2;
		b->data = realloc(b->data, b->room);
		if (!b->data)
			scratch_die("realloc");
	}
	if (size)
		memcpy(b->data + b->size, data, size);
	b->size += size;
}

static inline void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ 0 };
}

static inline void must_lzma(lzma_ret r, const char *what)
{
	if (r != LZMA_OK && r != LZMA_STREAM_END) {
		errno = EINVAL;
		scratch_die(what);
	}
}

/* Appends one Block and tells its sizes for the Index. */
static inline void add_block(struct bytes *b, const struct xz_recipe *recipe, const void *data,
			     size_t size, lzma_vli *ret_unpadded)
{
	size_t room = lzma_block_buffer_bound(size) + 1024, used = 0;
	uint8_t *out = malloc(room);
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
	lzma_block block = { .version = 1,
			     .check = recipe->check,
			     .filters = filters,
			     .compressed_size = LZMA_VLI_UNKNOWN,
			     .uncompressed_size = LZMA_VLI_UNKNOWN };

	lzma_lzma_preset(&options, 0);
	if (recipe->stored) {
		must_lzma(lzma_block_uncomp_encode(&block, data, size, out, &used, room), "block");
	} else if (!recipe->no_sizes) {
		must_lzma(lzma_block_buffer_encode(&block, NULL, data, size, out, &used, room),
			  "block");
	} else {
		must_lzma(lzma_block_header_size(&block), "header size");
		must_lzma(lzma_block_header_encode(&block, out), "header");
		must_lzma(lzma_block_encoder(&strm, &block), "block encoder");
		strm.next_in = data;
		strm.avail_in = size;
		strm.next_out = out + block.header_size;
		strm.avail_out = room - block.header_size;
		must_lzma(lzma_code(&strm, LZMA_FINISH), "block");
		used = block.header_size + (size_t)strm.total_out;
		lzma_end(&strm);
	}
	*ret_unpadded = lzma_block_unpadded_size(&block);
	bytes_add(b, out, used);
	free(out);
}

static inline void add_index_and_footer(struct bytes *b, const struct xz_recipe *recipe,
					lzma_vli *unpadded, lzma_vli *uncompressed, size_t n)
{
	lzma_index *index = lzma_index_init(NULL);
	lzma_stream_flags flags = { .version = 0, .check = recipe->check };
	uint8_t out[16384];
	size_t used = 0;

	if (recipe->lie) {
		unpadded[recipe->lie - 1] += (lzma_vli)recipe->lie_unpadded;
		uncompressed[recipe->lie - 1] += (lzma_vli)recipe->lie_uncompressed;
	}
	if (recipe->swap_records) {
		lzma_vli swap[2] = { unpadded[0], uncompressed[0] };

		unpadded[0] = unpadded[1];
		uncompressed[0] = uncompressed[1];
		unpadded[1] = swap[0];
		uncompressed[1] = swap[1];
	}
	for (size_t i = 0; i + recipe->drop_last_record < n; i++)
		must_lzma(lzma_index_append(index, NULL, unpadded[i], uncompressed[i]), "index");
	must_lzma(lzma_index_buffer_encode(index, out, &used, sizeof(out)), "index");
	bytes_add(b, out, used);
	flags.backward_size = lzma_index_size(index);
	must_lzma(lzma_stream_footer_encode(&flags, out), "footer");
	bytes_add(b, out, LZMA_STREAM_HEADER_SIZE);
	lzma_index_end(index, NULL);
}

/* Appends one stream and its padding. */
static inline void add_stream(struct bytes *b, const struct xz_recipe *recipe, const void *data,
			      size_t size)
{
	lzma_stream_flags flags = { .version = 0, .check = recipe->check };
	lzma_vli unpadded[XZ_BLOCKS_MAX], uncompressed[XZ_BLOCKS_MAX];
	static const uint8_t zeros[64];
	uint8_t header[LZMA_STREAM_HEADER_SIZE];
	size_t n_blocks = recipe->every ? (size + recipe->every - 1) / recipe->every
					: recipe->n_blocks;
	size_t at = 0, n;

	must_lzma(n_blocks > XZ_BLOCKS_MAX ? LZMA_PROG_ERROR : LZMA_OK, "too many Blocks");
	must_lzma(lzma_stream_header_encode(&flags, header), "stream header");
	bytes_add(b, header, sizeof(header));
	for (size_t i = 0; i < n_blocks; i++) {
		n = i + 1 == n_blocks ? size - at
		    : recipe->every   ? recipe->every
				      : recipe->blocks[i];
		add_block(b, recipe, (const uint8_t *)data + at, n, &unpadded[i]);
		uncompressed[i] = n;
		at += n;
	}
	add_index_and_footer(b, recipe, unpadded, uncompressed, n_blocks);
	bytes_add(b, zeros, recipe->padding);
}

/* The bytes as a payload of one part. */
static inline void open_payload(const struct bytes *b, struct payload *ret)
{
	*ret = (struct payload){ .name = "the payload" };
	must(payload_add(ret, data_file(b->data, b->size), 0, b->size));
}

/* Bytes that compress a little: what a test decodes must not be all alike. */
static inline void fill_pattern(uint8_t *data, size_t size)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < size; i++) {
		state = state * 1664525 + 1013904223;
		data[i] = (uint8_t)(i % 7 < 4 ? state >> 24 : i >> 4);
	}
}
