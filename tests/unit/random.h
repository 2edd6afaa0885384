/* Numbers that look random: each thread has its own, another one for each seed. A test includes it once and sets the seed. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

static uint64_t seed;
static _Atomic unsigned n_generators;

/* xorshift */
static uint32_t next_random(void)
{
	static _Thread_local uint64_t state;

	if (state == 0)
		state = (seed + atomic_fetch_add(&n_generators, 1)) * 0x9e3779b97f4a7c15ULL + 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}
