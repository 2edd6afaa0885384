/*
 * What happens after a step has failed: the failure block is printed, then the action of panic= or tarboot.onfail= is
 * taken.
 */
#pragma once

#include "base/boot.h"

/* Prints the block, waits, and takes the action. Offers a shell if tarboot.shell= allows it and the boot can be tried
 * again; returns only after that shell was left. */
void failure_handle(struct boot *b, bool can_retry);
