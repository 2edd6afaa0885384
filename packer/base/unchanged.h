/*
 * Is a file that is read more than once still the one that was looked at? Whoever writes to it changes st_mtime and st_ctime, and can
 * set only the first of them back.
 */
#pragma once

#include <sys/stat.h>

#include "base/fail.h"

/* seen: what stat() said of the file at path. -EBUSY: there is another one now, or it was written. */
int unchanged_at(const char *path, const struct stat *seen, struct fail *f);

/* The same for the file that is open at fd, whatever its path leads to. That another one has taken its name counts, too. name: for
 * messages. */
int unchanged_open(int fd, const char *name, const struct stat *seen, struct fail *f);
