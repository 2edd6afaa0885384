/*
 * What a manifest says about the bytes of its payload: put there when it is packed, held against it when it
 * is verified.
 */
#pragma once

#include "codec/codec.h"
#include "image/manifest.h"

/* Reads the payload once and sets payload-bytes, build-id, payload-digest, outside-digest and the Blocks of *m,
 * which has none yet. blocks: of p. */
int payload_digests_read(const struct payload *p, const struct block_list *blocks,
			 struct manifest *m, struct fail *f);

/* Compares what m states (digests, Blocks, build-id) with `is`, which was computed. The first wrong Block is reported before a wrong
 * digest of the whole. what: for messages. */
int payload_digests_compare(const struct manifest *m, const struct manifest *is, const char *what,
			    struct fail *f);
