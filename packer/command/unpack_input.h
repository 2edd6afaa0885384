/*
 * What `unpack` and `verify` are given: an image, a payload with or without a manifest, or the URL of one.
 */
#pragma once

#include "image/image_fetch.h"

struct input {
	bool for_check; /* a boot part without its root will do, and a manifest beside a payload counts */
	const char *manifest; /* of a payload; NULL: that beside it */

	const struct image *image; /* one of these */
	struct image_fetch fetch;
	struct image file;
	bool is_signed; /* by signer: not an image, which has its manifest in it */
	struct signature_about signer;
};

/* keys: one of which must have signed the manifest, and nobody else's may be taken by a boot part; NULL: whatever. */
int input_open(struct input *in, const char *argument, const struct signature_trust *keys,
	       struct fail *f);

void input_close(struct input *in);
