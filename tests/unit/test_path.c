/* Paths of members, and maps from them. */
#include "base/path.h"

#include "tap.h"

struct value {
	int number;
	char text[5]; /* an odd size */
};

static void add_up(void *value, void *sum)
{
	*(int *)sum += ((struct value *)value)->number;
}

int main(void)
{
	struct path_map map = { .value_size = sizeof(struct value) };
	char path[] = "usr/lib/x";
	struct value *v;
	int sum = 0;

	is_int((long long)path_length("a/b//"), 3, "slashes at the end do not count");
	is_int((long long)path_length("/"), 0, "of a slash nothing is left");
	ok(path_compare("a", 1, "a/b", 3) < 0 && path_compare("b", 1, "a/b", 3) > 0, "the order");
	is_int(path_compare("abc", 2, "abd", 2), 0, "only so many bytes");
	ok(!path_map_find(&map, "usr", 3), "nothing is in an empty map");
	v = path_map_add(&map, path, 3);
	ok(v && v->number == 0 && !*v->text, "a new value is zeros");
	v->number = 1;
	((struct value *)path_map_add(&map, path, sizeof(path) - 1))->number = 20;
	((struct value *)path_map_add(&map, "", 0))->number = 300;
	memset(path, 'x', sizeof(path) - 1);
	ok(path_map_find(&map, "usr/lib", 3) == v, "a path that goes on is found by its length");
	ok(path_map_add(&map, "usr", 3) == v, "what is there is not added");
	ok(path_map_find(&map, "usr/lib/x", 9) != NULL, "paths are copied");
	ok(!path_map_find(&map, "usr/lib/x", 8), "a part of one is another");
	ok(path_map_find(&map, "", 0) != NULL, "the root is a path, too");
	is_int((long long)map.n, 3, "the number of paths");
	path_map_clear(&map, add_up, &sum);
	is_int(sum, 321, "each value is seen when the map is cleared");
	ok(!path_map_find(&map, "usr", 3) && map.n == 0, "nothing is left");
	return done_testing();
}
