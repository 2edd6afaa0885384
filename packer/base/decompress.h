/*
 * Takes compression off, of memory or of a part of a file. The form is found by the first bytes; all but none and xz, and
 * zstd in memory, need the program of its name (gzip, bzip2…).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct archive;

/* Lets it take all forms of compression. ARCHIVE_OK, ARCHIVE_WARN for those that need a program, or less: no memory. */
int decompress_support_all(struct archive *archive);

/* Why libarchive could not take the compression off. */
const char *decompress_error(struct archive *archive);

/* Unpacks up to max bytes. *ret is the caller's to free. 0, with a NUL behind its *ret_size bytes; -EBADMSG: it is
 * broken, or the program is missing, and *ret is NULL or has what came, likewise; -EFBIG: there is more; -ENOMEM. */
int decompress(const void *data, size_t size, size_t max, char **ret, size_t *ret_size);

/* Gives what size bytes of the file at fd, from offset on, are without their compression to take(), in pieces, until it
 * returns less than 0, which is then the result and has set *f. name: for messages. 0, or -errno with *f set. */
int decompress_file(int fd, uint64_t offset, uint64_t size, const char *name,
		    int (*take)(const void *data, size_t size, void *arg, struct fail *f),
		    void *arg, struct fail *f);
