/* A chart of bars over time, and the memory below it on the same axis. */
#include <string.h>

#include "base/size.h"
#include "base/svg.h"
#include "timeline/timeline.h"
#include "base/util.h"

#define WIDTH 960.0
#define LEFT 190.0  /* of the bars; names are left of it */
#define RIGHT 850.0 /* of the bars; seconds are right of it */
#define LINE 18.0   /* of the heading */
#define LEGENDS 3   /* per line */
#define ROW 17.0
#define BAR 6.0 /* of each of several boots in a row */
#define MEMORY 110.0

static const char *const colours[] = { "#3b7dbd", "#d9822b", "#4f9d69", "#8e5ba6",
				       "#b33c3c", "#2aa5a5", "#8a7340", "#d063a0" };

struct chart {
	const struct timeline *boots;
	size_t n;
	struct timeline_row *rows; /* owned */
	size_t n_rows;
	double top, row, bottom; /* y above the first row, height of each, y below the last */
	double last, most;       /* s, bytes: the axes */
	FILE *out;
};

static double x_of(const struct chart *c, double seconds)
{
	return LEFT + (RIGHT - LEFT) * (c->last > 0 ? seconds / c->last : 0);
}

static const char *colour_of(const struct chart *c, size_t boot, const struct timeline_row *row,
			     size_t bar)
{
	static const char *const alone[] = { [ROW_KERNEL] = "#8a8a8a",
					     [ROW_STEP] = "#3b7dbd",
					     [ROW_DEVICES] = "#d9a441",
					     [ROW_NETWORK] = "#d9a441",
					     [ROW_FETCH] = "#8e5ba6" };

	if (row->kind == ROW_STEP && strcmp(c->boots[boot].failed, row->name) == 0)
		return "#c0392b";
	if (c->n > 1)
		return colours[boot % ARRAY_SIZE(colours)];
	if (row->kind == ROW_WORKER)
		return bar % 2 ? "#4f9d69" : "#93c9a5"; /* two colours, to tell Blocks apart */
	return alone[row->kind];
}

static void draw_text(const struct chart *c, double x, double y, const char *style,
		      const char *text)
{
	fprintf(c->out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, style);
	svg_text(c->out, text, strlen(text));
	fputs("</text>\n", c->out);
}

/* ---- axes ---- */

/* The distance between marks: 1, 2 or 5 times a power of ten, for at most ten marks. */
static double step_of(double whole)
{
	static const double factors[] = { 2, 2.5, 2 };
	double step = 0.001;

	for (size_t i = 0; whole / step > 10; i++)
		step *= factors[i % ARRAY_SIZE(factors)];
	return step;
}

static void draw_seconds(const struct chart *c)
{
	double step = step_of(c->last);
	char text[32];

	for (double t = 0; t <= c->last * 1.0001; t += step) {
		fprintf(c->out, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"#ddd\"/>\n", x_of(c, t),
			c->top - 4, c->bottom);
		snprintf(text, sizeof(text), "%g s", t);
		draw_text(c, x_of(c, t), c->top - 8, " text-anchor=\"middle\" fill=\"#555\"", text);
	}
}

static void draw_heading(const struct chart *c, size_t boot)
{
	const struct timeline *t = &c->boots[boot];
	double x = 4 + WIDTH / LEGENDS * (double)(boot % LEGENDS),
	       y = LINE * (double)(boot / LEGENDS + 1);
	const char *slash = strrchr(t->name, '/');
	char text[160];

	if (c->n > 1)
		fprintf(c->out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", x,
			y - 10, colours[boot % ARRAY_SIZE(colours)]);
	snprintf(text, sizeof(text), "%.24s: %.2f s to %s%.24s", slash ? slash + 1 : t->name,
		 timeline_end(t), *t->failed ? "the failure of " : "",
		 *t->failed ? t->failed : t->init);
	draw_text(c, c->n > 1 ? x + 14 : x, y, c->n > 1 ? "" : " font-size=\"15\"", text);
}

/* ---- rows ---- */

/* The seconds of a row, from the fastest to the slowest boot. */
static void draw_sum(const struct chart *c, const struct timeline_row *row, double y)
{
	double least = -1, most = -1, sum;
	char text[48];

	for (size_t i = 0; i < c->n; i++) {
		sum = timeline_sum(&c->boots[i], row);
		if (sum < 0)
			continue;
		least = least < 0 || sum < least ? sum : least;
		most = sum > most ? sum : most;
	}
	if (most - least > 0.0005)
		snprintf(text, sizeof(text), "%.3f to %.3f", least, most);
	else
		snprintf(text, sizeof(text), "%.3f s", most);
	if (most >= 0)
		draw_text(c, RIGHT + 8, y, " fill=\"#555\"", text);
}

/* A bar is visible, however short it is. */
static void draw_bar(const struct chart *c, double start, double end, double y, double height,
		     const char *colour)
{
	double width = x_of(c, end) - x_of(c, start);

	fprintf(c->out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
		x_of(c, start), y, width < 1.2 ? 1.2 : width, height, colour);
}

static void draw_row(const struct chart *c, size_t number)
{
	const struct timeline_row *row = &c->rows[number];
	double y = c->top + (double)number * c->row, height = (c->row - 4) / (double)c->n, start,
	       end;

	draw_text(c, *row->name == ' ' ? 14 : 4, y + c->row / 2 + 4, "",
		  row->name + strspn(row->name, " "));
	draw_sum(c, row, y + c->row / 2 + 4);
	for (size_t i = 0; i < c->n; i++) {
		size_t bar = 0;

		for (size_t at = 0; timeline_bar(&c->boots[i], row, &at, &start, &end); bar++)
			draw_bar(c, start, end, y + 2 + (double)i * height, height,
				 colour_of(c, i, row, bar));
	}
}

/* ---- memory ---- */

static void draw_curve(const struct chart *c, size_t boot)
{
	const struct timeline *t = &c->boots[boot];
	double base = c->bottom + 30 + MEMORY;
	const char *colour = colours[boot % ARRAY_SIZE(colours)];

	if (t->n_samples == 0)
		return;
	fprintf(c->out, "<path d=\"M%.1f %.1f", x_of(c, t->samples[0].time), base);
	for (size_t i = 0; i < t->n_samples; i++)
		fprintf(c->out, "L%.1f %.1f", x_of(c, t->samples[i].time),
			base - MEMORY * t->samples[i].used / c->most);
	fprintf(c->out,
		"V%.1f\" fill=\"%s\" fill-opacity=\"%s\" stroke=\"%s\" stroke-width=\"1.5\"/>\n",
		base, colour, c->n > 1 ? "0.06" : "0.25", colour);
}

static void draw_memory(const struct chart *c)
{
	double base = c->bottom + 30 + MEMORY;
	char most[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX], text[80];

	draw_text(c, 4, c->bottom + 40, "", "memory in use");
	size_format(most, (uint64_t)c->most);
	if (c->n == 1 && c->boots[0].memory_total > 0)
		snprintf(text, sizeof(text), "%s of %s", most,
			 size_format(total, (uint64_t)c->boots[0].memory_total));
	else
		snprintf(text, sizeof(text), "%s", most);
	draw_text(c, 4, c->bottom + 56, " fill=\"#555\"", "at most");
	draw_text(c, 4, c->bottom + 72, " fill=\"#555\"", text);
	if (c->n == 1)
		draw_text(c, LEFT + 8, c->bottom + 40, " fill=\"#555\"",
			  timeline_zram(&c->boots[0], text));
	fprintf(c->out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#999\"/>\n", LEFT, base, RIGHT);
	for (size_t i = 0; i < c->n; i++)
		draw_curve(c, i);
}

int timeline_draw(const struct timeline *boots, size_t n, FILE *out)
{
	struct chart c = { .boots = boots, .n = n, .out = out };
	int r = timeline_rows(boots, n, &c.rows);

	if (r < 0)
		return r;
	c.n_rows = (size_t)r;
	c.row = n > 1 && (double)n * BAR + 4 > ROW ? (double)n * BAR + 4 : ROW;
	c.top = 36 + LINE * (double)((n - 1) / LEGENDS + 1);
	c.bottom = c.top + (double)c.n_rows * c.row;
	c.last = timeline_last_end(boots, n);
	c.most = timeline_most_memory(boots, n);
	svg_begin(out, WIDTH, c.bottom + (c.most > 0 ? 40 + MEMORY : 10));
	fprintf(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n");
	for (size_t i = 0; i < n; i++)
		draw_heading(&c, i);
	draw_seconds(&c);
	for (size_t i = 0; i < c.n_rows; i++)
		draw_row(&c, i);
	if (c.most > 0)
		draw_memory(&c);
	svg_end(out);
	free(c.rows);
	return 0;
}
