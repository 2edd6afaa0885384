/*
 * What is compressed in memory, unpacked in memory. The form is found by its first bytes; all but none and xz need
 * the program of its name (gzip, zstd…).
 */
#pragma once

#include <stddef.h>

/* Unpacks up to max bytes. *ret is the caller's to free. 0, with a NUL behind its *ret_size bytes; -EBADMSG: it is
 * broken, or the program is missing, and *ret is NULL or has what came, likewise; -EFBIG: there is more; -ENOMEM. */
int decompress(const void *data, size_t size, size_t max, char **ret, size_t *ret_size);
