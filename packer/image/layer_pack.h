/*
 * A directory as the archive of a layer. What overlayfs has for a whiteout becomes one as container layers have it, and what the
 * directory's owner owns becomes root's.
 */
#pragma once

#include <sys/stat.h>

#include "base/fail.h"

/* st: of the directory at path. aside: a path in a directory for the archive, which gets no name there. *ret: its descriptor, the caller's. */
int layer_pack(const char *path, const struct stat *st, const char *aside, int *ret,
	       struct fail *f);
