/*
 * Output files that appear complete or not at all: written under a temporary name beside the target,
 * synced, renamed. Whatever ends the program early removes the temporary file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fail.h"

struct out {
	int fd;
	char *path; /* the target; owned */
	char *temporary;
};

/* Creates the temporary file of path. */
int out_open(const char *path, struct out *ret, struct fail *f);

/* Writes all of it at the current position. */
int out_write(struct out *o, const void *data, size_t size, struct fail *f);

/* Copies size bytes of the file open at fd, from an offset on. name is for messages. */
int out_copy(struct out *o, int fd, uint64_t from, uint64_t size, const char *name, struct fail *f);

/* Writes what print() prints to path, whole or not at all. print() returns 0 or -errno. */
int out_print(const char *path, int (*print)(FILE *out, const void *arg), const void *arg,
	      struct fail *f);

/* Syncs and renames; the output is then there for good. Frees o, on failure too. */
int out_commit(struct out *o, struct fail *f);

/* Removes the temporary file and frees o. Does nothing for one that was never opened ({0}) or is
 * already committed. */
void out_abandon(struct out *o);

/* Removes temporary files when a signal ends the program; call it once at start. */
void out_catch_signals(void);
