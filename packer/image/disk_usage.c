/* Sums over directories. */
#include "image/disk_usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- sums ---- */

/* A directory that may have more members. When it is complete, it is added to its parent directories. */
struct open_directory {
	size_t entry; /* index in usage.directories */
	size_t length;
};

struct summing {
	struct disk_usage *usage;
	struct open_directory *open; /* from the root down to that of the last member; owned */
	size_t n_open;
	const char *last; /* path of that member */
};

static int compare_sizes(const void *a, const void *b)
{
	const struct disk_usage_entry *x = a, *y = b;

	if (x->ram != y->ram)
		return x->ram > y->ram ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* The order in which the content of a directory is contiguous: by bytes, but slash before all others. */
static int compare_places(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)(*(const struct listed *const *)a)->path;
	const unsigned char *y = (const unsigned char *)(*(const struct listed *const *)b)->path;

	for (; *x && *x == *y; x++)
		y++;
	if (*x == *y)
		return 0;
	if (!*x || !*y)
		return *x ? 1 : -1;
	return *x == '/' ? -1 : *y == '/' ? 1 : *x < *y ? -1 : 1;
}

static int open_directory(struct summing *s, const char *path, size_t length)
{
	struct disk_usage *u = s->usage;
	struct open_directory *open;
	struct disk_usage_entry *directories = array_one_more(u->directories, u->n_directories,
							      sizeof(*directories));

	if (!directories)
		return -ENOMEM;
	u->directories = directories;
	open = array_one_more(s->open, s->n_open, sizeof(*open));
	if (!open)
		return -ENOMEM;
	s->open = open;
	open[s->n_open++] = (struct open_directory){ u->n_directories, length };
	directories[u->n_directories] = (struct disk_usage_entry){ .path = path,
								   .length = length,
								   .number = u->n_directories };
	u->n_directories++;
	return 0;
}

static void add(struct disk_usage_entry *to, uint64_t members, uint64_t ram, double packed)
{
	to->members += members;
	to->ram += ram;
	to->packed += packed;
}

/* Closes all but the first n directories. */
static void close_directories(struct summing *s, size_t n)
{
	struct disk_usage_entry *all = s->usage->directories, *e;

	for (; s->n_open > n; s->n_open--) {
		e = &all[s->open[s->n_open - 1].entry];
		if (s->n_open > 1)
			add(&all[s->open[s->n_open - 2].entry], e->members, e->ram, e->packed);
	}
}

/* The number of open directories that contain a path. They are the parents of the last path. */
static size_t count_shared(const struct summing *s, const char *path)
{
	size_t same = 0, n = 1;

	while (path[same] && path[same] == s->last[same])
		same++;
	while (n < s->n_open && s->open[n].length <= same && path[s->open[n].length] == '/')
		n++;
	return n;
}

/* Adds a member to its directory, or to itself if it is a directory. */
static int add_member(struct summing *s, const struct listed *m)
{
	size_t length = strlen(m->path), at;
	const char *slash;
	int r = 0;

	if (s->n_open == 0)
		r = open_directory(s, m->path, 0);
	else
		close_directories(s, count_shared(s, m->path));
	at = r == 0 ? s->open[s->n_open - 1].length : length;
	while (r == 0 && (slash = memchr(m->path + at + (at > 0), '/', length - at - (at > 0)))) {
		at = (size_t)(slash - m->path);
		r = open_directory(s, m->path, at);
	}
	if (r == 0 && m->type == MEMBER_DIRECTORY && length > 0)
		r = open_directory(s, m->path, length);
	if (r < 0)
		return r;
	add(&s->usage->directories[s->open[s->n_open - 1].entry], 1, m->ram, m->packed);
	s->last = m->path;
	return 0;
}

static int add_directories(const struct contents *l, struct disk_usage *u)
{
	_cleanup_free_ const struct listed **order = calloc(l->n + 1, sizeof(struct listed *));
	struct summing s = { .usage = u };
	int r = order ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		order[i] = &l->members[i];
	if (r == 0)
		qsort(order, l->n, sizeof(*order), compare_places);
	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = add_member(&s, order[i]);
	close_directories(&s, 0);
	free(s.open);
	return r;
}

static int add_files(const struct contents *l, struct disk_usage *u)
{
	u->files = calloc(l->n + 1, sizeof(*u->files));
	for (size_t i = 0; u->files && i < l->n; i++) {
		const struct listed *m = &l->members[i];

		if (m->type == MEMBER_FILE)
			u->files[u->n_files++] = (struct disk_usage_entry){
				m->path, strlen(m->path), i, 1, m->ram, m->packed
			};
	}
	return u->files ? 0 : -ENOMEM;
}

int disk_usage_of(const struct contents *l, struct disk_usage *ret)
{
	int r;

	*ret = (struct disk_usage){ 0 };
	r = add_directories(l, ret);
	if (r == 0)
		r = add_files(l, ret);
	if (r < 0) {
		disk_usage_free(ret);
		return r;
	}
	if (ret->n_directories)
		qsort(ret->directories, ret->n_directories, sizeof(*ret->directories),
		      compare_sizes);
	qsort(ret->files, ret->n_files, sizeof(*ret->files), compare_sizes);
	return 0;
}

void disk_usage_free(struct disk_usage *u)
{
	free(u->directories);
	free(u->files);
	*u = (struct disk_usage){ 0 };
}

/* ---- asking ---- */

static bool is_below(const struct disk_usage_entry *e, const struct disk_usage_entry *above)
{
	return e->length > above->length && memcmp(e->path, above->path, above->length) == 0 &&
	       (above->length == 0 || e->path[above->length] == '/');
}

bool disk_usage_is_directly_below(const struct disk_usage_entry *e,
				  const struct disk_usage_entry *above)
{
	size_t from = above->length ? above->length + 1 : 0;

	return is_below(e, above) && !memchr(e->path + from, '/', e->length - from);
}

const struct disk_usage_entry *disk_usage_next_directory(const struct disk_usage *u, size_t *at)
{
	const struct disk_usage_entry *e, *next;

	while (*at < u->n_directories) {
		e = &u->directories[(*at)++];
		next = *at < u->n_directories ? &u->directories[*at] : NULL;
		if (e->length > 0 && !(next && is_below(next, e) && next->ram > e->ram / 10 * 9))
			return e;
	}
	return NULL;
}
