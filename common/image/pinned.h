/*
 * A payload as its manifest knows it, before any byte of it is here.
 */
#pragma once

#include "codec/codec.h"
#include "image/manifest.h"

/* Does the manifest tell enough to unpack the payload while it arrives: its size, and each Block with a digest? */
bool pinned_is_possible(const struct manifest *m);

/* The list of its Blocks. name: of the file, whose end tells the codec. 0, -E2BIG, -EBADMSG (no archive has such Blocks) or -ENOMEM with *f set. */
int pinned_list_blocks(const struct manifest *m, const char *name, struct block_list *ret,
		       struct fail *f);

/* What receiver and readers share, for a window of so many bytes; m is one that makes it possible. NULL: no memory. */
struct arrival *pinned_arrival(const struct manifest *m, uint64_t window);
