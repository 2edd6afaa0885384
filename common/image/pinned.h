/*
 * A payload as its manifest knows it, before any byte of it is here or is believed.
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

/* The same for a payload that is here, without a receiver: once it is p->arrival, no byte of a Block is read before its digest is
 * found right. blocks: of p, as it tells them itself. Checks what lies outside of the Blocks now. *ret is the caller's. 0, -EBADMSG:
 * it is not what m says; or -errno, with *f set. */
int pinned_hold(const struct manifest *m, const struct payload *p, const struct block_list *blocks,
		struct arrival **ret, struct fail *f);
