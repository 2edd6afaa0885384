/*
 * Manifests from elsewhere than the boot part. Where that has keys (tarboot/keys/NAME.pub), one counts only with a right signature
 * beside it (.minisig), which a process without rights checks before anything of the manifest is used.
 */
#pragma once

#include "base/boot.h"

/* Sets b->has_keys. What cannot be read is not taken for none: -errno then. */
int root_signed_look(struct boot *b);

/* The manifest beside these files, from the first server that has it with a right signature, which becomes the first of them. 0;
 * 1 if no server has it, and it may be missing; or -errno with b->fail. *ret is set with 0 only. */
int root_signed_fetch(struct boot *b, struct url *urls, size_t n, bool may_be_missing,
		      struct manifest *ret);

/* The same of a file at this path of the initramfs, of so many bytes. */
int root_signed_read(struct boot *b, const char *path, uint64_t size, struct manifest *ret);

/* Was it signed for a root, and not for a layer, whose manifest names it so? 0, or -EKEYREJECTED with b->fail. */
int root_signed_check_root(struct boot *b, const struct manifest *m);
