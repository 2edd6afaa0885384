/*
 * Programs of other packages that are run to their end for one file: what they print is kept for a message.
 */
#pragma once

#include <stdbool.h>

#include "base/fail.h"

struct tool {
	const char *const *argv; /* ends with NULL; argv[0] is looked for in PATH */
	const int *keep;         /* descriptors that it inherits; ends with -1; NULL = none */
	const char *package;     /* where it comes from: "Debian: sbsigntool" */
	const char *progress;    /* a line that it prints when nothing is wrong yet; NULL = none */
	const char *todo_silent; /* what to do when it has said nothing else; NULL = as always */
};

#define TOOL_PATH_MAX 32

/* The path by which a tool that inherits a descriptor opens that file anew. */
const char *tool_path_of(int fd, char ret[TOOL_PATH_MAX]);

/* Is there a program of that name in PATH? */
bool tool_is_there(const char *program);

/* Runs it. 0: it ended with 0, and *ret_output, which is the caller's, is what it printed. what: the file that it is about.
 * -ENOENT: there is no such program; -EIO: it failed, and *f has what it printed. */
int tool_run(const struct tool *tool, const char *what, const char *todo, char **ret_output,
	     struct fail *f);
