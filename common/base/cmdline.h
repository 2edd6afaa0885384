/*
 * The kernel command line, taken apart as the kernel's own next_arg() does it: blanks separate parameters, a double
 * quote hides blanks until the next one, and quotes around a value, or around the whole parameter, are not part of it.
 * What follows "--" is for the new init. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The texts point into the line and do not end in NUL. */
struct cmdline_param {
	const char *name;
	size_t name_size;
	const char *value; /* NULL: there is no "=" */
	size_t value_size;
};

/* Takes the next parameter at or behind *at, which moves behind it. False: there is none, or a "--". */
bool cmdline_next(const char **at, struct cmdline_param *ret);
