/*
 * What the unpack engine tells while it works, and where the time went.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Written by the engine's threads while it works, read by anyone (it may lie in shared memory). */
struct unpack_progress {
	_Atomic uint64_t total;   /* bytes of tar, as the Index says; 0 = not yet known */
	_Atomic uint64_t bytes;   /* decoded so far */
	_Atomic uint64_t members; /* tar members so far */
};

/* When a Block was decoded, by the clock of now_usec(), and by which worker, from 0. end 0: it was not. */
struct block_time {
	uint64_t start, end;
	unsigned worker;
};
