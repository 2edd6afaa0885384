/*
 * Whole files in memory.
 */
#pragma once

#include <stddef.h>

/* Reads what is open at fd to its end. *ret is the caller's to free, with a NUL behind its size bytes. 0 or
 * -errno. */
int read_all(int fd, char **ret, size_t *ret_size);

/* The same of the file at path. */
int read_file(const char *path, char **ret, size_t *ret_size);
