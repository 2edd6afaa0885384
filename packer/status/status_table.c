/* Failures first; what does not fit is counted. */
#include "status/status_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/util.h"

#define CLEAR_LINE "\033[K\n"
#define HEADING 3 /* lines */
#define INDENT 4  /* of a sentence below its machine */

struct table {
	const struct machine *sorted[MACHINES_MAX];
	size_t n;
	unsigned columns;
	uint64_t now;
	FILE *out;
};

static void put_line(const struct table *t, const char *text)
{
	size_t n = escape_fit(text, t->columns > 1 ? t->columns - 1 : 1);

	fprintf(t->out, "%.*s" CLEAR_LINE, (int)n, text);
}

static void put_duration(char ret[16], uint64_t from, uint64_t to)
{
	unsigned long long seconds = to > from ? (to - from) / 1000 : 0;

	if (seconds < 600)
		snprintf(ret, 16, "%llu s", seconds);
	else if (seconds < 36000)
		snprintf(ret, 16, "%llu min", seconds / 60);
	else
		snprintf(ret, 16, "%llu h", seconds / 3600);
}

static void put_counts(const struct table *t)
{
	size_t counts[STAGE_FAILED + 1] = { 0 }, used = 0;
	char text[256] = "no machine has asked to boot yet";

	for (size_t i = 0; i < t->n; i++)
		counts[t->sorted[i]->stage]++;
	for (size_t i = STAGE_FAILED + 1; i-- > 0;)
		if (counts[i] > 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%zu %s",
						 used ? ", " : "", counts[i],
						 machine_stage_name((enum machine_stage)i));
	put_line(t, text);
}

/* Bytes of the next line of a text: up to a blank, if there is one where it ends. */
static size_t next_line(const char *text, size_t width)
{
	size_t n = escape_fit(text, width), end = n;

	if (!text[n])
		return n;
	while (end > 0 && text[end] != ' ')
		end--;
	return end > 0 ? end : n;
}

/* Below its machine. Returns how many lines, most at most. */
static size_t put_failure(const struct table *t, const char *text, size_t most)
{
	size_t width = t->columns > 2 * INDENT ? t->columns - 1 - INDENT : INDENT, lines = 0, n;
	char line[MACHINE_FAILURE_MAX + INDENT];

	for (; *text && lines < most; lines++, text += n) {
		text += strspn(text, " ");
		n = next_line(text, width);
		snprintf(line, sizeof(line), "%*s%.*s", INDENT, "", (int)n, text);
		put_line(t, line);
	}
	return lines;
}

/* With its failure behind it, or below it where that does not fit. Returns how many lines, most at most. */
static size_t put_machine(const struct table *t, const struct machine *k, size_t most)
{
	char since[16], total[16], rate[16] = "", percent[16] = "", text[640];
	size_t used;

	put_duration(since, k->since, t->now);
	put_duration(total, k->start, k->stage >= STAGE_HANDED_OVER ? k->since : t->now);
	if (k->rate > 0)
		snprintf(rate, sizeof(rate), "%.0f MB/s", k->rate / 1e6);
	if (k->percent > 0)
		snprintf(percent, sizeof(percent), "%u %%", k->percent);
	used = (size_t)snprintf(text, sizeof(text), "%-17s %-15s %-12.*s %-11s %5s %8s %8s %8s",
				k->mac, k->address, (int)escape_fit(k->name, 12), k->name,
				machine_stage_name(k->stage), percent, rate, since, total);
	if (k->stage == STAGE_FAILED && used + 2 + strlen(k->failure) < t->columns)
		snprintf(text + used, sizeof(text) - used, "  %s", k->failure);
	put_line(t, text);
	if (k->stage != STAGE_FAILED || text[used])
		return 1;
	return 1 + put_failure(t, k->failure, most - 1);
}

static void sort(struct table *t, const struct machines *m)
{
	for (t->n = 0; t->n < m->n; t->n++)
		t->sorted[t->n] = &m->machines[t->n];
	qsort(t->sorted, t->n, sizeof(*t->sorted), machine_compare);
}

/* As many as there are lines for; of the others, how many. */
static void put_machines(const struct table *t, size_t room)
{
	char text[64];
	size_t shown = 0;

	for (; shown < t->n; shown++) {
		size_t more = shown + 1 < t->n;

		if (room <= more)
			break;
		room -= put_machine(t, t->sorted[shown], room - more);
	}
	if (shown < t->n) {
		snprintf(text, sizeof(text), "and %zu more", t->n - shown);
		put_line(t, text);
	}
}

void status_table_draw(const struct machines *m, const struct status_screen *screen, uint64_t now,
		       FILE *out)
{
	static struct table t;
	size_t others = HEADING + screen->n_lines + 2;

	t = (struct table){ .columns = screen->columns, .now = now, .out = out };
	sort(&t, m);
	fputs("\033[H", out);
	put_line(&t, screen->title);
	put_counts(&t);
	put_line(&t, "machine           address         name         stage           %     rate"
		     "    since    total");
	put_machines(&t, screen->rows > others ? screen->rows - others : 1);
	for (size_t i = 0; i < screen->n_lines; i++)
		put_line(&t, screen->lines[i]);
	fputs("\033[J", out);
	fflush(out);
}
