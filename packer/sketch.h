/*
 * A sketch of the root that is being packed, for the checks that init makes and for what goes into the boot part:
 * its directories, its links, the first bytes of its programs and the files that are wanted whole, in a temporary
 * directory that disappears however this process ends.
 */
#pragma once

#include "fail.h"
#include "source.h"

struct sketch;

/* Makes the directory, in TMPDIR. whole says of which files all data is wanted, too; NULL: of none. */
int sketch_open(bool (*whole)(const char *path, void *arg), void *arg, struct sketch **ret,
		struct fail *f);

/* Draws a member; what the checks do not look at is left out. */
int sketch_add(struct sketch *s, const struct member *m, struct fail *f);

/* How much of the data of the member that was added last is drawn, in bytes; the rest need not be given. */
uint64_t sketch_wanted(const struct sketch *s);

/* The data of the member that was added last. */
int sketch_data(struct sketch *s, const void *data, size_t size, uint64_t offset, struct fail *f);

/* The directory, complete but for the metadata of directories. */
int sketch_root(struct sketch *s);

void sketch_close(struct sketch *s);
