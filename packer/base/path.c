/* Paths, and maps based on tsearch. */
#include "base/path.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct node {
	const char *path;
	size_t length;
	max_align_t value[]; /* followed by the path */
};

const char *path_in_root(const char *path)
{
	while (*path == '/' || strncmp(path, "./", 2) == 0)
		path++;
	return path;
}

bool path_is_root(const char *path)
{
	return !*path || (path[0] == '.' && !path[1]);
}

size_t path_length(const char *path)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	return n;
}

int path_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int compare(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return path_compare(x->path, x->length, y->path, y->length);
}

void *path_map_find(const struct path_map *map, const char *path, size_t length)
{
	struct node wanted = { path, length }, **found = tfind(&wanted, &map->tree, compare);

	return found ? (*found)->value : NULL;
}

void *path_map_add(struct path_map *map, const char *path, size_t length)
{
	void *value = path_map_find(map, path, length);
	struct node *node;
	char *copy;

	if (value)
		return value;
	node = calloc(1, sizeof(*node) + map->value_size + length + 1);
	if (!node)
		return NULL;
	copy = (char *)node->value + map->value_size;
	memcpy(copy, path, length);
	node->path = copy;
	node->length = length;
	if (!tsearch(node, &map->tree, compare)) {
		free(node);
		return NULL;
	}
	map->n++;
	return node->value;
}

void path_map_clear(struct path_map *map, void (*last)(void *value, void *arg), void *arg)
{
	while (map->tree) {
		struct node *node = *(struct node **)map->tree;

		tdelete(node, &map->tree, compare);
		if (last)
			last(node->value, arg);
		free(node);
	}
	map->n = 0;
}
