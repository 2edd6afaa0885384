/*
 * Paths of members in any notation, and maps from paths to values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The path without leading "./" or "/"; the root itself is "" or ".". */
const char *path_in_root(const char *path);

/* Is this path, as path_in_root() gives it, the root itself? */
bool path_is_root(const char *path);

/* Bytes of the path without slashes at its end. */
size_t path_length(const char *path);

/* The order of strcmp(). */
int path_compare(const char *a, size_t a_length, const char *b, size_t b_length);

/* Values by path. Start with { .value_size = … }. */
struct path_map {
	size_t value_size;
	void *tree; /* a tree of tsearch() */
	size_t n;
};

/* The value of the first length bytes of path, or NULL. */
void *path_map_find(const struct path_map *map, const char *path, size_t length);

/* The same; adds a value, all zeros, if there is none. NULL: out of memory. Copies path. */
void *path_map_add(struct path_map *map, const char *path, size_t length);

/* Empties the map. If last is not NULL, it is called with each value before that is freed. */
void path_map_clear(struct path_map *map, void (*last)(void *value, void *arg), void *arg);
