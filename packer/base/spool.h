/*
 * A file without a name for what cannot be read twice (a pipe, what a decompressor gives): written once from its start
 * to its end, read at any place. It lies in TMPDIR, else in /var/tmp: /tmp is in memory on many systems, and memory is what
 * packing needs itself. Where there is no /var/tmp, it is /tmp after all.
 */
#pragma once

#include "base/out.h"

struct spool {
	int fd;                /* to read by pread(); the spool's */
	uint64_t size;         /* bytes that were written */
	uint64_t expected;     /* bytes at the end, at most; 0 = not known */
	const char *directory; /* where it lies; not owned */
	struct out file;
};

/* Where temporary files go. */
const char *spool_directory(void);

int spool_new(struct spool *s, struct fail *f);

/* Says how many bytes will follow those that are there; 0 = not known. -ENOSPC when there is no room for them. */
int spool_expect(struct spool *s, uint64_t bytes, struct fail *f);

/* The same, but only warns, for what may be less in the end. */
void spool_expect_at_most(struct spool *s, uint64_t bytes);

/* Appends. *ret_offset, which may be NULL, is where it begins. */
int spool_write(struct spool *s, const void *data, size_t size, uint64_t *ret_offset,
		struct fail *f);

/* Appends what can be read from fd to its end. name: for messages. */
int spool_read_from(struct spool *s, int fd, const char *name, struct fail *f);

/* Frees the room. For one that was never opened ({0}), or twice, it does nothing. */
void spool_close(struct spool *s);
