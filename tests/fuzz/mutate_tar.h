/*
 * Mutations that know what a tar is made of: fields, texts that other fields hold, bodies, whole
 * members. Afterwards checksums and the lengths of pax records are put right mostly, since little
 * gets past wrong ones. An input is OWN_BYTES for the target, then the archive.
 */
#pragma once

#include <ctype.h>

#include "fuzz.h"
#include "tar/tar_header.h"

#define TAR_MEMBERS_MAX 64

struct tar_field {
	size_t at, size;
};

static const struct tar_field tar_texts[] = { { 0, 100 }, { 157, 100 }, { 345, 155 } };
static const struct tar_field tar_fields[] = {
	{ 0, 100 }, { 100, 8 }, { 108, 8 },   { 116, 8 },  { 124, 12 }, { 136, 12 },
	{ 156, 1 }, { 156, 1 }, { 157, 100 }, { 257, 8 },  { 265, 32 }, { 297, 32 },
	{ 329, 8 }, { 337, 8 }, { 345, 155 }, { 386, 96 }, { 482, 1 },  { 483, 12 },
};
static const char *const tar_names[] = {
	"..",           ".",   "/",   "a",    "a/b",     "../secret",    "/etc/passwd",
	"a/../../tmp",  "l/x", "etc", "tmp/", "../root", "../../../tmp", "etc/../../etc",
	"../etc/passwd"
};

struct tar_layout {
	size_t n, at[TAR_MEMBERS_MAX + 1]; /* of the headers; at[n]: where the last one ends */
};

static inline bool tar_is_zero(const uint8_t *block)
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* Bytes behind the header that belong to it; left: what is there. */
static inline size_t tar_body(const uint8_t *header, size_t left)
{
	uint64_t size = header[124] & 0x80 ? UINT64_MAX : 0, extra = 0;
	bool more = header[156] == 'S' && header[482];

	if (header[156] >= '2' && header[156] <= '6')
		return 0;
	for (size_t i = 124; i < 135 && !(header[124] & 0x80); i++)
		if (header[i] >= '0' && header[i] <= '7')
			size = size << 3 | (header[i] - '0');
	for (; more && left - extra >= TAR_BLOCK; extra += TAR_BLOCK)
		more = header[TAR_BLOCK + extra + 504];
	return size > left - extra ? 0 : (size_t)(extra + size);
}

static inline void tar_walk(const uint8_t *tar, size_t size, struct tar_layout *map)
{
	size_t at = 0, body, left;

	map->n = 0;
	while (size - at >= TAR_BLOCK && map->n < TAR_MEMBERS_MAX) {
		left = size - at - TAR_BLOCK;
		if (tar_is_zero(tar + at)) {
			at += TAR_BLOCK;
			continue;
		}
		body = tar_body(tar + at, left);
		body += -body % TAR_BLOCK;
		map->at[map->n++] = at;
		at += TAR_BLOCK + (body < left ? body : left);
		map->at[map->n] = at;
	}
}

/* Each record is "LENGTH KEY=VALUE\n". */
static inline void tar_repair_pax(uint8_t *body, size_t size)
{
	size_t at = 0, digits, length;
	uint8_t *newline;
	char number[16];

	while (at < size) {
		length = digits = 0;
		while (at + digits < size && digits < 8 && isdigit(body[at + digits]))
			length = length * 10 + body[at + digits++] - '0';
		if (length <= digits || length > size - at || body[at + length - 1] != '\n') {
			newline = memchr(body + at, '\n', size - at);
			if (!newline)
				return;
			length = (size_t)(newline - body) + 1 - at;
			snprintf(number, sizeof(number), "%0*zu", (int)digits, length);
			if (strlen(number) == digits)
				memcpy(body + at, number, digits);
		}
		at += length;
	}
}

static inline void tar_repair(uint8_t *tar, size_t size)
{
	char checksum[8];
	struct tar_layout map;

	tar_walk(tar, size, &map);
	for (size_t i = 0; i < map.n; i++) {
		uint8_t *header = tar + map.at[i];
		unsigned sum = 0;

		if (header[156] == 'x' || header[156] == 'g')
			tar_repair_pax(header + TAR_BLOCK,
				       tar_body(header, size - map.at[i] - TAR_BLOCK));
		memset(header + 148, ' ', 8);
		for (size_t k = 0; k < TAR_BLOCK; k++)
			sum += header[k];
		snprintf(checksum, sizeof(checksum), "%06o", sum & 0777777);
		memcpy(header + 148, checksum, 7);
	}
}

/* A name or link becomes that of another member, or one that leads astray. */
static inline void tar_set_text(uint8_t *header, const uint8_t *other, uint32_t *random)
{
	const struct tar_field *to = &tar_texts[next_random(random) % 3];
	const struct tar_field *from = &tar_texts[next_random(random) % 2];
	const char *name =
		tar_names[next_random(random) % (sizeof(tar_names) / sizeof(*tar_names))];

	if (next_random(random) % 2)
		snprintf((char *)header + to->at, to->size, "%s", name);
	else
		memmove(header + to->at, other + from->at, 100);
}

/* Members [from, to) go away or come twice. Returns the new size. */
static inline size_t tar_move(uint8_t *tar, size_t size, size_t max_size, size_t from, size_t to,
			      size_t target, bool twice)
{
	size_t n = to - from;
	uint8_t *copy;

	if (!twice) {
		memmove(tar + from, tar + to, size - to);
		return size - n;
	}
	copy = size + n <= max_size ? malloc(n) : NULL;
	if (!copy)
		return size;
	memcpy(copy, tar + from, n);
	memmove(tar + target + n, tar + target, size - target);
	memcpy(tar + target, copy, n);
	free(copy);
	return size + n;
}

static inline size_t tar_mutate(uint8_t *tar, size_t size, size_t max_size, uint32_t *random)
{
	const struct tar_field *field =
		&tar_fields[next_random(random) % (sizeof(tar_fields) / sizeof(*tar_fields))];
	uint32_t what = next_random(random) % 8;
	size_t i, j, body;
	struct tar_layout map;
	uint8_t *header;

	tar_walk(tar, size, &map);
	if (map.n == 0 || what == 0)
		return LLVMFuzzerMutate(tar, size, max_size);
	i = next_random(random) % map.n;
	j = next_random(random) % map.n;
	header = tar + map.at[i];
	body = tar_body(header, size - map.at[i] - TAR_BLOCK);
	if (what < 3)
		tar_set_text(header, tar + map.at[j], random);
	else if (what < 5 && body > 0)
		mutate_in_place(header + TAR_BLOCK, body, body);
	else if (what < 7)
		mutate_in_place(header + field->at,
				strnlen((char *)header + field->at, field->size), field->size);
	else
		size = tar_move(tar, size, max_size, map.at[i], map.at[i + 1], map.at[j],
				next_random(random) % 3);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return mutate_file(data, size, max_size, seed, OWN_BYTES, tar_mutate, tar_repair);
}
