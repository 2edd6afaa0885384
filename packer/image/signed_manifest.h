/*
 * Is the manifest of a payload signed? For `unpack` and `verify --trust`: before anything of it is used.
 */
#pragma once

#include "image/boot_keys.h"

/* What to do about one that lists no Blocks. */
#define SIGNED_MANIFEST_TODO "Sign that of an image that this version of tarboot packed."

/* A manifest, for messages: name; and the signature in the file at that path. *ret: who signed it, and what the comment tells. 0, or
 * -EKEYREJECTED or -errno with *f set. */
int signed_manifest_check(const char *name, const char *text, size_t size, const char *signature,
			  const struct signature_trust *trust, struct signature_about *ret,
			  struct fail *f);

/* The same for the manifest of a bare payload, which image_find_manifest() has read from that path, NULL: from beside it. It must list
 * Blocks with digests, or the signature would say nothing of the payload. */
int signed_manifest_check_image(const struct image *image, const char *path,
				const struct signature_trust *trust, struct signature_about *ret,
				struct fail *f);
