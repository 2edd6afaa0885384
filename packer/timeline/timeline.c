/* The keys of docs/report.md. */
#include "timeline/timeline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/json_read.h"
#include "base/size.h"
#include "base/util.h"

#define WORKERS_MAX 1024

static double number(const char *value)
{
	double n = 0;

	return json_number(value, &n) ? n : 0;
}

/* Reads a string of the report and escapes it for terminals, because anybody may have written the report. */
static bool text_of(const char *value, char *ret, size_t room)
{
	char raw[TIMELINE_TEXT_MAX];

	if (!json_string(value, raw, room < sizeof(raw) ? room : sizeof(raw)))
		return false;
	escape_text(raw, ret, room);
	return true;
}

/* Allocates room for the items of an array, and counts them in *ret_n. NULL: out of memory. */
static void *room_for(const char *array, size_t size, size_t *ret_n)
{
	*ret_n = 0;
	for (const char *item = json_item(array, 0); item; item = json_next(item))
		++*ret_n;
	return calloc(*ret_n + 1, size);
}

static int read_steps(struct timeline *t, const char *array)
{
	const char *item = json_item(array, 0);

	t->steps = room_for(array, sizeof(*t->steps), &t->n_steps);
	if (!t->steps)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_steps; i++, item = json_next(item)) {
		struct timeline_step *s = &t->steps[i];

		if (!text_of(json_member(item, "name"), s->name, sizeof(s->name)))
			return -EINVAL;
		s->start = number(json_member(item, "start_s"));
		s->end = s->start + number(json_member(item, "duration_s"));
	}
	return t->n_steps ? 0 : -EINVAL;
}

static int read_blocks(struct timeline *t, const char *array)
{
	const char *item = json_item(array, 0);

	t->blocks = room_for(array, sizeof(*t->blocks), &t->n_blocks);
	if (!t->blocks)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_blocks; i++, item = json_next(item)) {
		double worker = number(json_item(item, 0));

		if (worker < 0 || worker >= WORKERS_MAX)
			return -EINVAL;
		t->blocks[i] = (struct timeline_block){ (unsigned)worker,
							number(json_item(item, 1)),
							number(json_item(item, 2)) };
		if (t->blocks[i].worker >= t->workers)
			t->workers = t->blocks[i].worker + 1;
	}
	return 0;
}

static int read_samples(struct timeline *t, const char *array)
{
	const char *item = json_item(array, 0);

	t->samples = room_for(array, sizeof(*t->samples), &t->n_samples);
	if (!t->samples)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_samples; i++, item = json_next(item))
		t->samples[i] = (struct timeline_sample){ number(json_item(item, 0)),
							  number(json_item(item, 1)) };
	return 0;
}

int timeline_read(const char *text, const char *name, struct timeline *ret)
{
	struct timeline *t = ret;
	int r;

	*t = (struct timeline){ .name = name };
	(void)text_of(json_member(text, "init"), t->init, sizeof(t->init));
	(void)text_of(json_member(text, "failed_step"), t->failed, sizeof(t->failed));
	t->devices = number(json_member(text, "devices_seen_s"));
	t->memory_total = number(json_member(text, "memory_total_bytes"));
	t->reached = number(json_member(json_member(text, "network"), "reached_s"));
	t->first_byte = number(json_member(json_member(text, "fetch"), "first_byte_s"));
	t->zram_stored = number(json_member(json_member(text, "zram"), "stored_bytes"));
	t->zram_taken = number(json_member(json_member(text, "zram"), "taken_bytes"));
	t->last_byte = number(json_member(json_member(text, "fetch"), "last_byte_s"));
	r = read_steps(t, json_member(text, "steps"));
	if (r == 0)
		r = read_blocks(t, json_member(text, "block_times"));
	return r == 0 ? read_samples(t, json_member(text, "memory_samples")) : r;
}

void timeline_free(struct timeline *t)
{
	free(t->steps);
	free(t->blocks);
	free(t->samples);
}

double timeline_end(const struct timeline *t)
{
	return t->steps[t->n_steps - 1].end;
}

const char *timeline_zram(const struct timeline *t, char ret[TIMELINE_ZRAM_MAX])
{
	char stored[SIZE_TEXT_MAX], taken[SIZE_TEXT_MAX];

	*ret = '\0';
	if (t->zram_stored > 0 && t->zram_taken > 0)
		snprintf(ret, TIMELINE_ZRAM_MAX, "%s of RAM hold %s by zram",
			 size_format(taken, (uint64_t)t->zram_taken),
			 size_format(stored, (uint64_t)t->zram_stored));
	return ret;
}

/* ---- rows ---- */

static const struct timeline_step *find_step(const struct timeline *t, const char *name)
{
	for (size_t i = 0; i < t->n_steps; i++)
		if (strcmp(t->steps[i].name, name) == 0)
			return &t->steps[i];
	return NULL;
}

struct rows {
	struct timeline_row *rows;
	size_t n;
};

/* timeline_rows() has allocated enough room. */
static void add_row(struct rows *r, int kind, const char *name, unsigned worker)
{
	struct timeline_row *row = &r->rows[r->n++];

	*row = (struct timeline_row){ .kind = kind, .worker = worker };
	if (kind == ROW_WORKER)
		snprintf(row->name, sizeof(row->name), "  worker %u", worker + 1);
	else
		snprintf(row->name, sizeof(row->name), "%s", name);
}

static bool has_row(const struct rows *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].kind == ROW_STEP && strcmp(r->rows[i].name, name) == 0)
			return true;
	return false;
}

/* A step, and after it what happened during the step. */
static void add_step(struct rows *r, const char *name, const struct timeline *boots, size_t n)
{
	bool devices = false, network = false, fetch = false;
	unsigned workers = 0;

	if (has_row(r, name))
		return;
	add_row(r, ROW_STEP, name, 0);
	for (size_t i = 0; i < n; i++) {
		workers = boots[i].workers > workers ? boots[i].workers : workers;
		devices = devices || boots[i].devices > 0;
		network = network || boots[i].reached > 0;
		fetch = fetch || boots[i].first_byte > 0;
	}
	if (devices && strcmp(name, "plug in devices") == 0)
		add_row(r, ROW_DEVICES, "  until all are seen", 0);
	if (network && strcmp(name, "start network") == 0)
		add_row(r, ROW_NETWORK, "  until one is reached", 0);
	if (fetch && strcmp(name, "unpack root") == 0)
		add_row(r, ROW_FETCH, "  fetch", 0);
	for (unsigned i = 0; i < workers && strcmp(name, "unpack root") == 0; i++)
		add_row(r, ROW_WORKER, "", i);
}

int timeline_rows(const struct timeline *boots, size_t n, struct timeline_row **ret)
{
	struct rows r = { 0 };
	size_t room = 4 + WORKERS_MAX;

	for (size_t i = 0; i < n; i++)
		room += boots[i].n_steps;
	r.rows = calloc(room, sizeof(*r.rows));
	if (!r.rows)
		return -ENOMEM;
	add_row(&r, ROW_KERNEL, "kernel", 0);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < boots[i].n_steps; k++)
			add_step(&r, boots[i].steps[k].name, boots, n);
	*ret = r.rows;
	return (int)r.n;
}

static bool only_bar(size_t *at, double start, double end, double *ret_start, double *ret_end)
{
	*ret_start = start;
	*ret_end = end;
	return (*at)++ == 0 && end > 0;
}

bool timeline_bar(const struct timeline *t, const struct timeline_row *row, size_t *at,
		  double *ret_start, double *ret_end)
{
	const struct timeline_step *step;

	switch (row->kind) {
	case ROW_KERNEL:
		return only_bar(at, 0, t->steps[0].start, ret_start, ret_end);
	case ROW_STEP:
		step = find_step(t, row->name);
		return step && only_bar(at, step->start, step->end, ret_start, ret_end);
	case ROW_DEVICES:
		step = find_step(t, "plug in devices");
		return step && only_bar(at, step->start, t->devices, ret_start, ret_end);
	case ROW_NETWORK:
		step = find_step(t, "start network");
		return step && only_bar(at, step->start, t->reached, ret_start, ret_end);
	case ROW_FETCH:
		return only_bar(at, t->first_byte, t->last_byte, ret_start, ret_end);
	case ROW_WORKER:
		while (*at < t->n_blocks && t->blocks[*at].worker != row->worker)
			++*at;
		if (*at == t->n_blocks)
			return false;
		*ret_start = t->blocks[*at].start;
		*ret_end = t->blocks[(*at)++].end;
		return true;
	}
	return false;
}

double timeline_sum(const struct timeline *t, const struct timeline_row *row)
{
	double start, end, sum = -1;

	for (size_t at = 0; timeline_bar(t, row, &at, &start, &end);)
		sum = (sum < 0 ? 0 : sum) + end - start;
	return sum;
}

double timeline_last_end(const struct timeline *boots, size_t n)
{
	double last = 0;

	for (size_t i = 0; i < n; i++)
		if (timeline_end(&boots[i]) > last)
			last = timeline_end(&boots[i]);
	return last;
}

double timeline_most_memory(const struct timeline *boots, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < boots[i].n_samples; k++)
			if (boots[i].samples[k].used > most)
				most = boots[i].samples[k].used;
	return most;
}
