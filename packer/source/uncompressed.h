/*
 * How large a compressed file is without its compression, as far as it says that itself.
 */
#pragma once

#include <stdint.h>

/* Bytes of what is in the size bytes at offset of fd: exact for xz, for gzip what its last member says. 0 = it does not
 * say. */
uint64_t uncompressed_size(int fd, uint64_t offset, uint64_t size);
