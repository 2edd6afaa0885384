/*
 * What `tarboot serve` prints while it runs: lines, or on a terminal a table with the last lines below it. It never waits for who reads
 * it: what has no room is left out, lines are counted then, and the table is drawn the next time.
 */
#pragma once

#include <sys/types.h>

#include "base/buffer.h"
#include "site/serve_log.h"
#include "status/machines.h"

#define LINES_SHOWN 6 /* below the table */

struct serve_output {
	int fd;
	bool is_table;
	char title[SERVE_LINE_MAX];             /* of the table */
	char last[LINES_SHOWN][SERVE_LINE_MAX]; /* a ring */
	size_t n_last;
	struct buffer waiting; /* to be written */
	uint64_t n_lost;       /* lines, since the last one that was printed */
};

/* On this descriptor, which stays the caller's. */
void serve_output_open(struct serve_output *o, int fd, const char *title);

/* More for the title, where there is one. */
void serve_output_add_title(struct serve_output *o, const char *text);

/* A line with names in it that came from the network: the time is put before it. */
void serve_output_line(struct serve_output *o, const char *text);

/* Draws the table, if there is one and the one before has been read. now: as of the machines. */
void serve_output_draw(struct serve_output *o, const struct machines *m, uint64_t now);

/* Writes what there is room for; false: something is left. */
bool serve_output_flush(struct serve_output *o);

/* The last table; then waits a moment for who reads it. */
void serve_output_close(struct serve_output *o, const struct machines *m, uint64_t now);
