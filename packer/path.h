/*
 * Paths of members, however an archive writes them, and maps from them to anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The path without "./" or "/" before it; the root itself is "" or ".". */
const char *path_in_root(const char *path);

/* Is this path, as path_in_root() gives it, the root itself? */
bool path_is_root(const char *path);

/* Bytes of the path, slashes at its end not counted. */
size_t path_length(const char *path);

/* The order of bytes, as strcmp has it. */
int path_compare(const char *a, size_t a_length, const char *b, size_t b_length);

/* Values by path. Start with { .value_size = … }. */
struct path_map {
	size_t value_size;
	void *tree; /* of tsearch */
	size_t n;
};

/* The value of the first length bytes of path, or NULL. */
void *path_map_find(const struct path_map *map, const char *path, size_t length);

/* The same; a new one is all zeros. NULL: there is no memory. path is copied. */
void *path_map_add(struct path_map *map, const char *path, size_t length);

/* Empties the map. Calls last, unless it is NULL, with each value before it goes. */
void path_map_clear(struct path_map *map, void (*last)(void *value, void *arg), void *arg);
