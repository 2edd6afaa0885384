/*
 * What compressed swap (zram) may gain under a root. Pure. The shares are measured: docs/performance.md.
 *
 * A ratio is in per cent: 250 = what takes 250 bytes of RAM takes 100 when it is compressed.
 */
#pragma once

#include <stdint.h>

/* Bytes that it should be able to hold, uncompressed, for a tree of so many bytes on a machine with so much RAM: what programs
 * take is swapped, too. */
uint64_t zramguess_size(uint64_t tree, uint64_t ram);

/* The ratio that the kernel's algorithm ("zstd", "lz4", …) will reach with a tree of an archive that has so many bytes and
 * as tar so many. Pages are compressed one by one, so it is less than the archive's, and follows it; rather a little less than
 * what was measured, because who is promised too much ends in the middle. */
unsigned zramguess_ratio(const char *algorithm, uint64_t archive, uint64_t tar);

/* Bytes of RAM that become free when so many bytes are swapped. */
uint64_t zramguess_gain(uint64_t bytes, unsigned ratio);
