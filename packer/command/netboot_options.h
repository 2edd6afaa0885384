/*
 * The command line of `tarboot netboot`.
 */
#pragma once

#include "base/options.h"
#include "command/netboot.h"

/* All that can be wrong without knowing the directory's settings. Returns an exit code. */
int netboot_options_check(const struct command_line *line, const char **ret_directory);

/* Forgets the machines that --forget names. Before what else is said of machines: one may take the place of another.
 * -ENOENT: one is not known. */
int netboot_options_forget(struct site *s, const struct command_line *line, struct fail *f);

/* Sets all others, after the settings of the directory, which these change. Returns an exit code. */
int netboot_options_set(struct netboot *n, const struct command_line *line);
