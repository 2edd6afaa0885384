/* A squarified treemap: directories as areas, nested. */
#include "image/disk_usage_svg.h"

#include <string.h>

#include "base/size.h"
#include "base/svg.h"

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
		    disk_usage_is_directly_below(&d->usage->directories[i], above))
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
