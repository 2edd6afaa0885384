/*
 * The sums over directories are those that adding each member to each directory above it gives, in any shape of tree. What
 * that costs, test_depth counts.
 */
#include "image/disk_usage.h"

#include <stdlib.h>

#include "tap.h"

static uint32_t seed = 1;

static uint32_t draw(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* ---- the same, slowly ---- */

static bool is_in(const struct listed *m, const char *path, size_t length)
{
	if (length == 0)
		return true;
	return strncmp(m->path, path, length) == 0 &&
	       (m->path[length] == '/' || (m->path[length] == '\0' && m->type == MEMBER_DIRECTORY));
}

static bool is_right(const struct contents *l, const struct disk_usage_entry *e)
{
	uint64_t members = 0, ram = 0;
	double packed = 0;

	for (size_t i = 0; i < l->n; i++)
		if (is_in(&l->members[i], e->path, e->length)) {
			members++;
			ram += l->members[i].ram;
			packed += l->members[i].packed;
		}
	return members == e->members && ram == e->ram && packed == e->packed;
}

/* Directories that there are: "" and each that some member lies in or is, once. */
static size_t count_directories(const struct contents *l)
{
	size_t n = l->n > 0;

	for (size_t i = 0; i < l->n; i++) {
		const char *path = l->members[i].path;

		for (size_t length = 1; *path && length <= strlen(path); length++) {
			bool is_new = path[length] == '/' ||
				      (!path[length] && l->members[i].type == MEMBER_DIRECTORY);

			for (size_t k = 0; is_new && k < i; k++)
				is_new = !is_in(&l->members[k], path, length);
			n += is_new;
		}
	}
	return n;
}

/* ---- trees ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct listed *)a)->path, ((const struct listed *)b)->path);
}

/* Names whose bytes come before and behind the slash. */
static void draw_contents(struct contents *l)
{
	static const char *const names[] = { "a", "a-b", "a.b", "a0", "b", "\xff", "aa" };
	size_t n = 0;

	*l = (struct contents){ .n = draw(40), .members = calloc(40, sizeof(*l->members)) };
	for (size_t i = 0; i < l->n; i++) {
		struct listed *m = &l->members[i];
		char path[64] = "";

		for (uint32_t k = draw(5); k > 0; k--) {
			strcat(path, *path ? "/" : "");
			strcat(path, names[draw(ARRAY_SIZE(names))]);
		}
		m->path = strdup(path);
		m->type = !*path || draw(2) ? MEMBER_DIRECTORY : MEMBER_FILE;
		m->ram = draw(4) * 4096;
		m->packed = draw(100);
	}
	qsort(l->members, l->n, sizeof(*l->members), compare);
	for (size_t i = 0; i < l->n; i++) {
		if (n > 0 && strcmp(l->members[n - 1].path, l->members[i].path) == 0)
			free(l->members[i].path);
		else
			l->members[n++] = l->members[i];
	}
	l->n = n;
}

static void free_contents(struct contents *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->members[i].path);
	free(l->members);
}

static void test_sums(void)
{
	unsigned wrong = 0, missing = 0, unsorted = 0;
	struct contents l;
	struct disk_usage u;

	for (unsigned round = 0; round < 2000; round++) {
		draw_contents(&l);
		if (disk_usage_of(&l, &u) < 0)
			break;
		missing += u.n_directories != count_directories(&l);
		for (size_t i = 0; i < u.n_directories; i++) {
			wrong += !is_right(&l, &u.directories[i]);
			unsorted += i > 0 && u.directories[i].ram > u.directories[i - 1].ram;
		}
		disk_usage_free(&u);
		free_contents(&l);
	}
	is_int(wrong, 0, "each directory has the sum of what lies in it");
	is_int(missing, 0, "each is there once");
	is_int(unsorted, 0, "the largest comes first");
}

/* ---- depth ---- */

#define DEPTH 4000
#define MEMBERS 500

static void test_depth(void)
{
	struct contents l = { .n = MEMBERS, .members = calloc(MEMBERS, sizeof(*l.members)) };
	struct disk_usage u;
	char *path;

	for (size_t i = 0; i < MEMBERS; i++) {
		path = malloc(2 * DEPTH + 8);
		for (size_t k = 0; k < DEPTH; k++)
			memcpy(path + 2 * k, "a/", 2);
		sprintf(path + (size_t)2 * DEPTH, "%06zu", i);
		l.members[i] = (struct listed){ .path = path, .ram = 1 };
	}
	if (disk_usage_of(&l, &u) == 0) {
		is_int((long long)u.n_directories, DEPTH + 1, "%d directories in each other",
		       DEPTH);
		is_int((long long)u.directories[0].ram, MEMBERS, "the root has all");
		is_int((long long)u.directories[DEPTH].members, MEMBERS, "and so has the last");
		is_int((long long)u.directories[DEPTH].length, 2 * DEPTH - 1,
		       "by path, where they are of one size");
		is_int((long long)u.n_files, MEMBERS, "files");
		disk_usage_free(&u);
	}
	free_contents(&l);
}

int main(void)
{
	test_sums();
	test_depth();
	return done_testing();
}
