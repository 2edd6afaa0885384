/*
 * A boot as recorded in init's report.json: steps, the Blocks of each worker, devices, memory in use.
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
	struct timeline_block *blocks;   /* may be empty: older reports have no times */
	struct timeline_sample *samples; /* likewise */
	size_t n_steps, n_blocks, n_samples;
	unsigned workers;
	double reached; /* when the network had reached a server; 0 = there was none */
	double first_byte, last_byte; /* of a root that was fetched; 0 = it was not */
	double devices;               /* when all devices present had been handled; 0 = not known */
	double memory_total;          /* bytes; 0 = not known */
	double zram_stored, zram_taken; /* bytes that compressed swap held, and took; 0 = none */
};

/* Reads the text of a report. 0, -ENOMEM, or -EINVAL if it is not a report. name must outlive *ret. */
int timeline_read(const char *text, const char *name, struct timeline *ret);
void timeline_free(struct timeline *t);

/* The time at which the last step ended. */
double timeline_end(const struct timeline *t);

/* ---- rows, for pictures and texts alike ---- */

struct timeline_row {
	char name[48];
	enum { ROW_KERNEL, ROW_STEP, ROW_DEVICES, ROW_NETWORK, ROW_FETCH, ROW_WORKER } kind;
	unsigned worker;
};

/* The rows of n boots together, in the order of the boot. The caller frees *ret. Returns their number, or -ENOMEM. */
int timeline_rows(const struct timeline *boots, size_t n, struct timeline_row **ret);

/* The next bar of a row; start with *at = 0. False: no more. */
bool timeline_bar(const struct timeline *t, const struct timeline_row *row, size_t *at,
		  double *ret_start, double *ret_end);

/* The total seconds of the bars of a row; < 0: it has none. */
double timeline_sum(const struct timeline *t, const struct timeline_row *row);

#define TIMELINE_ZRAM_MAX 80

/* "79.0 MiB of RAM hold 228.0 MiB by zram"; "" = there was none. */
const char *timeline_zram(const struct timeline *t, char ret[TIMELINE_ZRAM_MAX]);

/* The latest end and the largest memory use of several boots. */
double timeline_last_end(const struct timeline *boots, size_t n);
double timeline_most_memory(const struct timeline *boots, size_t n);

/* Prints a picture in SVG, with all boots on one axis; or text, one boot after the other, columns characters wide. 0 or
 * -ENOMEM. */
int timeline_draw(const struct timeline *boots, size_t n, FILE *out);
int timeline_print(const struct timeline *boots, size_t n, unsigned columns, FILE *out);
