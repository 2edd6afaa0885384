/*
 * Files below /run that tell the new system something.
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

/* Creates the file of that name in a directory of that absolute path, and what is missing on the way. NULL, with errno, when it
 * cannot; the caller closes it. */
FILE *run_file_create(const char *directory, const char *name, mode_t mode);
