/*
 * A root by URL that no manifest in the image pins (tarboot.verify=no): what tells its Blocks is fetched before it.
 */
#pragma once

#include "base/boot.h"

/* In this order: the manifest beside it (URL.manifest), which b->manifest then is; its head and its end, where the server can
 * send parts and it is an xz file, so that b->blocks are known and b->fetch.arrives is set; or else all of it. 0 or -errno. */
int root_unpinned_find(struct boot *b);
