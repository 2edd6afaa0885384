/*
 * The files of modprobe.d that count in a root: those of a directory that comes first hide others of the same name, and
 * all are read in the order of their names, as modprobe does it.
 */
#pragma once

#include "tree/root_files.h"

/* Calls found for each file of a root, in order, with its path ("etc/modprobe.d/x.conf"). A link to /dev/null is an
 * empty file. text is found's to free, with a NUL behind its size bytes. What cannot be read is passed over. 0, what
 * found returned when that was < 0, or -ENOMEM. */
int modconfig_read(const struct root_files *root,
		   int (*found)(const char *path, char *text, size_t size, void *arg), void *arg);
