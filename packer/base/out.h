/*
 * Output files that appear complete or not at all: they are written without a name (or, if the file system has no
 * unnamed files, under a temporary name next to the target), synced, and renamed. A signal that ends the program
 * leaves no files behind; only SIGKILL or a crash can leave a temporary name (TARGET.XXXXXX), and only on such a file
 * system.
 *
 * A target is a regular file or does not exist yet; symbolic links to it are followed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fail.h"

/* Who can read a new file. */
enum out_mode {
	OUT_PRIVATE,   /* its owner (0600), or who could read the file that is replaced */
	OUT_SECRET,    /* its owner (0600), whoever could read an old file */
	OUT_SHARED,    /* as the umask says, or who could read the file that is replaced */
	OUT_PUBLISHED, /* everybody (0644), regardless of the umask and of an old file */
};

struct out {
	int fd;
	char *path;      /* the target, without links; owned. NULL = not open */
	char *temporary; /* its name until it is renamed; NULL = unnamed; owned */
};

/* Can out_open() create or replace this file? A cheap check before the work begins. source is a file that will be read
 * at the same time, and must be another one; NULL = none. */
int out_check(const char *path, const char *source, struct fail *f);

/* Creates the file that will be renamed to path. */
int out_open(const char *path, enum out_mode mode, struct out *ret, struct fail *f);

/* Creates a file that never gets a name, in the directory of path, which has a slash in it. Whatever is at path itself does not
 * matter, nor where a link there leads. */
int out_open_unnamed(const char *path, struct out *ret, struct fail *f);

static inline bool out_is_open(const struct out *o)
{
	return o->path;
}

/* Writes all of it at the current position. */
int out_write(struct out *o, const void *data, size_t size, struct fail *f);

/* Copies size bytes of the file open at fd, from an offset on. name is for messages. */
int out_copy(struct out *o, int fd, uint64_t from, uint64_t size, const char *name, struct fail *f);

/* Writes the output of print() to path (OUT_SHARED), completely or not at all. print() returns 0 or -errno. */
int out_print(const char *path, int (*print)(FILE *out, const void *arg), const void *arg,
	      struct fail *f);

/* The same, but leaves the last step, out_commit(), to the caller. */
int out_print_aside(const char *path, int (*print)(FILE *out, const void *arg), const void *arg,
		    struct out *ret, struct fail *f);

/* Writes these bytes to path, completely or not at all. */
int out_replace(const char *path, enum out_mode mode, const void *data, size_t size,
		struct fail *f);

/* Only syncs it: out_commit() then has little left that can fail. */
int out_sync(struct out *o, struct fail *f);

/* Syncs and renames the file. Frees o, also on failure. */
int out_commit(struct out *o, struct fail *f);

/* The same for two files that belong together: both are replaced, or the old ones stay. If beside is not open, an old
 * file at its target path is renamed to path.old. Frees both, also on failure. After a power failure between the two
 * renames, the new file beside is there with the old o. */
int out_commit_pair(struct out *o, struct out *beside, const char *path, struct fail *f);

/* Deletes the file and frees o. Does nothing if it was never opened ({0}) or is already committed. */
void out_abandon(struct out *o);

/* A directory that is not complete yet. */
struct out_guard {
	const char *path;         /* it need not exist yet */
	const char *const *files; /* that may be in it; ends with NULL. NULL: any */
	struct out_guard *next;   /* out.c's */
};

/* Makes a signal that ends the program delete this directory, if it has no other files than these; until out_guard_remove(). Removing
 * what was not added does nothing. */
void out_guard_add(struct out_guard *g);
void out_guard_remove(struct out_guard *g);

/* Makes signals that end the program delete temporary files. Call it once, at start. */
void out_catch_signals(void);
