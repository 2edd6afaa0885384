/* Rows of # characters, which every terminal can show. */
#include "timeline/timeline.h"

#include <string.h>

#include "base/escape.h"
#include "base/print.h"
#include "base/size.h"
#include "base/util.h"

#define LABELS 38 /* characters before the bars: a name, seconds, the frame */

/* Marks the bars of a row in a line of that width. A bar is visible, however short it is. */
static void mark(const struct timeline *t, const struct timeline_row *row, double scale, char *line,
		 size_t width)
{
	double start, end;

	for (size_t at = 0; timeline_bar(t, row, &at, &start, &end);) {
		size_t from = start > 0 ? (size_t)(start * scale) : 0,
		       to = end > 0 ? (size_t)(end * scale) : 0;

		for (size_t x = from; x <= to && x < width; x++)
			line[x] = x < to || x == from ? '#' : line[x];
	}
}

/* Memory use, in ten levels. */
static void mark_memory(const struct timeline *t, double scale, double most, char *line,
			size_t width)
{
	static const char heights[] = "_.:-=+*%@#";

	for (size_t i = 0; i < t->n_samples; i++) {
		double x = t->samples[i].time * scale, height = t->samples[i].used / most * 9;

		for (size_t k = x > 0 ? (size_t)x : 0; k < width; k++)
			line[k] = heights[height > 9 ? 9 : height > 0 ? (size_t)height : 0];
	}
}

static void print_row(const char *name, const char *value, const char *line, FILE *out)
{
	fprintf(out, "%-26.*s %9s |%s|\n", (int)escape_fit(name, 26), name, value, line);
}

static void print_boot(const struct timeline *t, const struct timeline_row *rows, size_t n_rows,
		       size_t width, double scale, FILE *out)
{
	double most = timeline_most_memory(t, 1), sum;
	char line[512], value[SIZE_TEXT_MAX], zram[TIMELINE_ZRAM_MAX];

	print_line(out, "%s: %.3f s to %s%s", t->name, timeline_end(t),
		   *t->failed ? "the failure of " : "", *t->failed ? t->failed : t->init);
	for (size_t i = 0; i < n_rows; i++) {
		sum = timeline_sum(t, &rows[i]);
		if (sum < 0)
			continue;
		memset(line, ' ', width);
		line[width] = '\0';
		mark(t, &rows[i], scale, line, width);
		snprintf(value, sizeof(value), "%.3f s", sum);
		print_row(rows[i].name, value, line, out);
	}
	if (most > 0) {
		memset(line, ' ', width);
		mark_memory(t, scale, most, line, width);
		print_row("memory in use, at most", size_format(value, (uint64_t)most), line, out);
	}
	if (*timeline_zram(t, zram))
		fprintf(out, "%s\n", zram);
}

int timeline_print(const struct timeline *boots, size_t n, unsigned columns, FILE *out)
{
	_cleanup_free_ struct timeline_row *rows = NULL;
	int n_rows = timeline_rows(boots, n, &rows);
	size_t width = columns < LABELS + 20 ? 20 : columns - LABELS - 1;
	double last = timeline_last_end(boots, n);

	if (n_rows < 0)
		return n_rows;
	width = width > 500 ? 500 : width;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			fputc('\n', out);
		print_boot(&boots[i], rows, (size_t)n_rows, width,
			   last > 0 ? (double)width / last : 0, out);
	}
	return 0;
}
