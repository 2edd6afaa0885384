/*
 * A range of a file, read in blocks of bounded size.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/* Takes the next bytes. 0, or -errno, with which the reading ends. */
typedef int read_range_take(void *arg, const void *data, size_t size);

/* Hands on the bytes from `from` to `to`, in order. All blocks but the last have an even size. 0; -ENODATA: the file ends before that;
 * -errno of reading, or what take returned. */
int read_range(int fd, uint64_t from, uint64_t to, read_range_take *take, void *arg);

/* Adds them to a digest. Likewise. */
int digest_add_range(struct digest_state *s, int fd, uint64_t from, uint64_t to);

/* Their digest. Likewise. */
int digest_of_range(int fd, uint64_t from, uint64_t to, struct digest *ret);
