/*
 * Manifests from elsewhere than the boot part. Where that has keys (tarboot/keys/NAME.pub), one counts only with a right signature
 * beside it (.minisig), which a process without rights checks before anything of the manifest is used.
 */
#pragma once

#include "base/boot.h"

/* Sets b->has_keys. What cannot be read is not taken for none: -errno then. */
int root_signed_look(struct boot *b);

/* The manifest beside the payload that is fetched, from the first of its servers that has it with a right signature, becomes
 * b->manifest. 0 or -errno. */
int root_signed_fetch(struct boot *b);

/* The same of b->payload, in the initramfs, unless the boot part's manifest is about it. */
int root_signed_read(struct boot *b);
