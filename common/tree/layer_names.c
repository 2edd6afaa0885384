/* Digests of 64 bits: that two of half a million are the same happens once in a hundred million layers. */
#include "tree/layer_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

#define ROOM_LEAST 1024

static uint64_t key_of(const struct stat *directory, const char *name)
{
	const uint64_t where[2] = { directory->st_dev, directory->st_ino };
	struct digest_state s;
	struct digest d;
	uint64_t key;

	digest_begin(&s);
	digest_add(&s, where, sizeof(where));
	digest_add(&s, name, strlen(name));
	d = digest_end(&s);
	memcpy(&key, d.bytes, sizeof(key));
	return key ? key : 1;
}

/* Where it is, or would be; at most half of the table is used. */
static size_t find(const uint64_t *table, size_t room, uint64_t key)
{
	size_t at = (size_t)key & (room - 1);

	while (table[at] && table[at] != key)
		at = (at + 1) & (room - 1);
	return at;
}

static int grow(struct layer_names *l)
{
	size_t room = l->room ? 2 * l->room : ROOM_LEAST;
	uint64_t *table = calloc(room, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < l->room; i++)
		if (l->table[i])
			table[find(table, room, l->table[i])] = l->table[i];
	free(l->table);
	l->table = table;
	l->room = room;
	return 0;
}

int layer_names_add(struct layer_names *l, const struct stat *directory, const char *name)
{
	uint64_t key = key_of(directory, name);
	size_t at;
	int r = 2 * l->n >= l->room ? grow(l) : 0;

	if (r < 0)
		return r;
	at = find(l->table, l->room, key);
	if (l->table[at])
		return 0;
	if (l->n == LAYER_NAMES_MAX)
		return -E2BIG;
	l->table[at] = key;
	l->n++;
	return 0;
}

bool layer_names_has(const struct layer_names *l, const struct stat *directory, const char *name)
{
	return l->n > 0 && l->table[find(l->table, l->room, key_of(directory, name))];
}

void layer_names_free(struct layer_names *l)
{
	free(l->table);
	*l = (struct layer_names){ 0 };
}
