/*
 * Output files that appear complete or not at all: written without a name, or under a temporary one beside the target
 * where the file system has no unnamed files; synced, renamed. A signal that ends the program leaves nothing behind; only
 * SIGKILL and a crash of the machine can leave a temporary name (TARGET.XXXXXX), and only on such a file system.
 *
 * A target is a regular file or not there yet; symbolic links to it are followed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fail.h"

/* Who may read a new file. */
enum out_mode {
	OUT_PRIVATE,   /* its owner: 0600. Where a file is replaced: who could read that one. */
	OUT_SHARED,    /* whom the umask lets, likewise */
	OUT_PUBLISHED, /* everybody: 0644, whatever the umask and the old file say */
};

struct out {
	int fd;
	char *path;      /* the target, without links; owned. NULL = not open */
	char *temporary; /* its name until then; NULL = it has none; owned */
};

/* Can out_open() replace or make this file? Costs nothing, for before the work. source is the file that is read
 * meanwhile, which must be another; NULL = none. */
int out_check(const char *path, const char *source, struct fail *f);

/* Creates the file that will be path. */
int out_open(const char *path, enum out_mode mode, struct out *ret, struct fail *f);

/* Creates a file that never gets a name, in the directory of path. */
int out_open_unnamed(const char *path, struct out *ret, struct fail *f);

static inline bool out_is_open(const struct out *o)
{
	return o->path;
}

/* Writes all of it at the current position. */
int out_write(struct out *o, const void *data, size_t size, struct fail *f);

/* Copies size bytes of the file open at fd, from an offset on. name is for messages. */
int out_copy(struct out *o, int fd, uint64_t from, uint64_t size, const char *name, struct fail *f);

/* Writes what print() prints to path (OUT_SHARED), whole or not at all. print() returns 0 or -errno. */
int out_print(const char *path, int (*print)(FILE *out, const void *arg), const void *arg,
	      struct fail *f);

/* Syncs and renames; the output is then there for good. Frees o, on failure too. */
int out_commit(struct out *o, struct fail *f);

/* The same with a file beside o that belongs to it: both are there for good, or the old ones stay. When there is no
 * new one (beside is not open), an old one at path, which is where it would go, becomes path.old. Frees both, on failure
 * too. A machine that loses power between two renames has the new file beside and the old o. */
int out_commit_pair(struct out *o, struct out *beside, const char *path, struct fail *f);

/* Removes what was written and frees o. Does nothing for one that was never opened ({0}) or is already committed. */
void out_abandon(struct out *o);

/* A signal that ends the program removes this directory, which need not be there yet, if it has no other files than
 * these, the last being NULL. Both stay the caller's and must stay as they are until the next call. NULL: none. */
void out_guard_directory(const char *path, const char *const *files);

/* Removes temporary files when a signal ends the program; call it once at start. */
void out_catch_signals(void);
