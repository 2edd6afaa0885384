/*
 * What happens when a step has failed: the block that tells it, then what panic= and tarboot.onfail=
 * ask for.
 */
#pragma once

#include "boot.h"

/* Prints the block, waits, acts. A shell is offered where tarboot.shell= allows it and a second try
 * makes sense; returns only when it was left. */
void failure_handle(struct boot *b, bool can_retry);
