/*
 * What `tarboot netboot` refuses before anything is written.
 */
#pragma once

#include "command/netboot.h"

/* Checks the settings of the site and all that is given. Opens the images, kernels, layers and the unified kernel image, which stay open
 * until they are published; on failure they are the caller's, too. */
int netboot_check(struct netboot *n, struct fail *f);
