/*
 * The machines as a table for a terminal, which is drawn over the one before.
 */
#pragma once

#include <stdio.h>

#include "status/machines.h"

/* As wide and high as the terminal is. lines: the last ones of the log, n of them, for below it, with what is no text escaped. */
void status_table_draw(const struct machines *m, const char *const *lines, size_t n,
		       unsigned columns, unsigned rows, uint64_t now, FILE *out);
