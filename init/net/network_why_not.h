/*
 * Why no server was reached, as a person wants to read it.
 */
#pragma once

#include "base/boot.h"

/* Fills b->fail from what the network process has seen, after so many seconds. Returns -errno. */
int network_why_not(struct boot *b, uint64_t seconds);
