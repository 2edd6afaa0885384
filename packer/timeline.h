/*
 * A boot as init's report.json tells it: steps, the Blocks of each worker, devices, memory in use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TIMELINE_TEXT_MAX 256 /* the longest string that is read */

struct timeline_step {
	char name[48];
	double start, end; /* all times: seconds since the kernel started */
};

struct timeline_block {
	unsigned worker; /* from 0 */
	double start, end;
};

struct timeline_sample {
	double time, used; /* s, bytes */
};

struct timeline {
	const char *name; /* of the file; the caller's */
	char init[TIMELINE_TEXT_MAX], failed[48];
	struct timeline_step *steps;     /* owned, as all that follow */
	struct timeline_block *blocks;   /* may be none: older reports have no times */
	struct timeline_sample *samples; /* likewise */
	size_t n_steps, n_blocks, n_samples;
	unsigned workers;
	double devices;      /* when all that was there had been seen; 0 = not known */
	double memory_total; /* bytes; 0 = not known */
};

/* Reads the text of a report. 0, -ENOMEM, or -EINVAL: it is none. name must outlive it. */
int timeline_read(const char *text, const char *name, struct timeline *ret);
void timeline_free(struct timeline *t);

/* When the last step ended. */
double timeline_end(const struct timeline *t);

/* ---- rows, for pictures and texts alike ---- */

struct timeline_row {
	char name[48];
	enum { ROW_KERNEL, ROW_STEP, ROW_DEVICES, ROW_WORKER } kind;
	unsigned worker;
};

/* The rows that n boots have together, in the order of the boot. *ret is the caller's to free. Their number, or
 * -ENOMEM. */
int timeline_rows(const struct timeline *boots, size_t n, struct timeline_row **ret);

/* The next bar of a row, from *at = 0 on. False: there is no more. */
bool timeline_bar(const struct timeline *t, const struct timeline_row *row, size_t *at,
		  double *ret_start, double *ret_end);

/* The seconds of all bars of a row; < 0: it has none. */
double timeline_sum(const struct timeline *t, const struct timeline_row *row);

/* Over several boots: the last end, and the most memory. */
double timeline_last_end(const struct timeline *boots, size_t n);
double timeline_most_memory(const struct timeline *boots, size_t n);

/* As a picture in SVG, the boots over each other; and as text, one after the other, in columns characters. 0 or
 * -ENOMEM. */
int timeline_draw(const struct timeline *boots, size_t n, FILE *out);
int timeline_print(const struct timeline *boots, size_t n, unsigned columns, FILE *out);
