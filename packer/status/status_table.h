/*
 * The machines as a table for a terminal, which is drawn over the one before.
 */
#pragma once

#include <stdio.h>

#include "status/machines.h"

struct status_screen {
	unsigned columns, rows; /* of the terminal */
	const char *title;      /* the first line */
	const char *const
		*lines; /* the last ones, n of them; with what is no text escaped, as the title */
	size_t n_lines;
};

void status_table_draw(const struct machines *m, const struct status_screen *screen, uint64_t now,
		       FILE *out);
