/*
 * What happens when a step has failed: the block that tells it, then what panic= and tarboot.onfail=
 * ask for.
 */
#pragma once

#include "boot.h"

/* Prints the block, waits, acts. Returns only when a shell was allowed and left: try again. */
void failure_handle(struct boot *b);
