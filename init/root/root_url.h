/*
 * "find payload" for tarboot.rootfs=URL.
 */
#pragma once

#include "base/boot.h"

/* By the manifest in the image, which pins what may be fetched, the Blocks are listed, and nothing is fetched yet: b->fetch.arrives. With
 * tarboot.verify=no that manifest does not count (root_unpinned.h). 0 or -errno. */
int root_url_find(struct boot *b);
