/* Sums over directories. */
#include "image/disk_usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/svg.h"

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

static bool is_directly_below(const struct disk_usage_entry *e,
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

/* ---- drawing ---- */

#define WIDTH 1200.0
#define HEIGHT 800.0
#define TITLE 24.0
#define CHILDREN_MAX 64
#define DEPTH_MAX 3

struct area {
	double x, y, width, height;
};

struct drawing {
	const struct disk_usage *usage;
	FILE *out;
};

static void draw_box(const struct drawing *d, const struct disk_usage_entry *e, struct area a,
		     unsigned depth)
{
	static const char *const colours[] = { "#f4f1ea", "#cfe0ee", "#a9c8e0", "#84b0d2" };
	const char *name = e->path + e->length;
	char size[SIZE_TEXT_MAX];
	size_t length;

	while (name > e->path && name[-1] != '/')
		name--;
	length = e->length - (size_t)(name - e->path);
	size_format(size, e->ram);
	fprintf(d->out, "<g><title>/");
	svg_text(d->out, e->path, e->length);
	fprintf(d->out,
		": %s in RAM, %.1f MiB in the image, %llu members</title><rect x=\"%.1f\" "
		"y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" stroke=\"#fff\"/>",
		size, e->packed / (1 << 20), (unsigned long long)e->members, a.x, a.y, a.width,
		a.height, colours[depth]);
	if (a.width > 7.0 * (double)length + 8 && a.height > 16) {
		fprintf(d->out, "<text x=\"%.1f\" y=\"%.1f\">", a.x + 4, a.y + 13);
		svg_text(d->out, name, length);
		if (a.width > 7.0 * (double)(length + strlen(size)) + 16)
			fprintf(d->out, " %s", size);
		fprintf(d->out, "</text>");
	}
	fprintf(d->out, "</g>\n");
}

/* Places boxes from..to in a strip along a side. */
static double strip_width(const struct disk_usage_entry *const *e, size_t from, size_t to,
			  double side, double area_per_byte)
{
	double sum = 0;

	for (size_t i = from; i < to; i++)
		sum += (double)e[i]->ram * area_per_byte;
	return sum / side;
}

/* The worst aspect ratio of boxes from..to in a strip along the shorter side. */
static double worst_ratio(const struct disk_usage_entry *const *e, size_t from, size_t to,
			  double side, double area_per_byte)
{
	double strip = strip_width(e, from, to, side, area_per_byte), length, worst = 1;

	for (size_t i = from; i < to; i++) {
		length = (double)e[i]->ram * area_per_byte / strip;
		if (length / strip > worst)
			worst = length / strip;
		if (strip / length > worst)
			worst = strip / length;
	}
	return worst;
}

static void draw_directory(const struct drawing *d, const struct disk_usage_entry *above,
			   struct area a, unsigned depth);

/* Places boxes from..to in one strip and removes it from the area *a. */
static void draw_strip(const struct drawing *d, const struct disk_usage_entry *const *e,
		       size_t from, size_t to, struct area *a, double area_per_byte, unsigned depth)
{
	bool upright = a->width >= a->height;
	double side = upright ? a->height : a->width, at = 0, length;
	double strip = strip_width(e, from, to, side, area_per_byte);
	struct area box;

	for (size_t i = from; i < to; i++, at += length) {
		length = (double)e[i]->ram * area_per_byte / strip;
		box = upright ? (struct area){ a->x, a->y + at, strip, length }
			      : (struct area){ a->x + at, a->y, length, strip };
		draw_box(d, e[i], box, depth);
		draw_directory(d, e[i], box, depth);
	}
	if (upright)
		*a = (struct area){ a->x + strip, a->y, a->width - strip, a->height };
	else
		*a = (struct area){ a->x, a->y + strip, a->width, a->height - strip };
}

/* Squarified treemap: adds boxes to a strip as long as that improves their aspect ratio. */
static void draw_directory(const struct drawing *d, const struct disk_usage_entry *above,
			   struct area a, unsigned depth)
{
	const struct disk_usage_entry *children[CHILDREN_MAX];
	double area_per_byte, side;
	size_t n = 0, to;

	if (depth == DEPTH_MAX || a.width < 24 || a.height < 36 || above->ram == 0)
		return;
	a = (struct area){ a.x + 3, a.y + 18, a.width - 6, a.height - 21 };
	area_per_byte = a.width * a.height / (double)above->ram;
	for (size_t i = 0; i < d->usage->n_directories && n < CHILDREN_MAX; i++)
		if (d->usage->directories[i].ram > 0 &&
		    is_directly_below(&d->usage->directories[i], above))
			children[n++] = &d->usage->directories[i];
	for (size_t from = 0; from < n; from = to) {
		side = a.width < a.height ? a.width : a.height;
		for (to = from + 1; to < n; to++)
			if (worst_ratio(children, from, to + 1, side, area_per_byte) >
			    worst_ratio(children, from, to, side, area_per_byte))
				break;
		draw_strip(d, children, from, to, &a, area_per_byte, depth + 1);
	}
}

void disk_usage_draw(const struct disk_usage *u, const char *title, FILE *out)
{
	struct drawing d = { u, out };
	const struct disk_usage_entry *root = NULL;

	for (size_t i = 0; i < u->n_directories && !root; i++)
		if (u->directories[i].length == 0)
			root = &u->directories[i];
	svg_begin(out, WIDTH, HEIGHT + TITLE);
	fputs("<text x=\"4\" y=\"16\" font-size=\"15\">", out);
	svg_text(out, title, strlen(title));
	fprintf(out, "</text>\n");
	if (root)
		draw_directory(&d, root, (struct area){ 0, TITLE - 18, WIDTH, HEIGHT + 18 }, 0);
	svg_end(out);
}
