/*
 * Values of options that several subcommands have, and that mean something to init or in an image.
 */
#pragma once

/* Is it a date as a signature's comment has it? Returns EXIT_OK, or says what it must be and returns EXIT_USAGE. */
int option_date(const char *command, const char *option, const char *text);

/* Would init take all tarboot.* on this kernel command line? Returns EXIT_OK, or says what init would say and returns
 * EXIT_USAGE. */
int option_kernel_line(const char *command, const char *option, const char *line);
