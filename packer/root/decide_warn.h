/*
 * What of the decisions will surprise at boot, on stderr.
 */
#pragma once

#include "root/decide.h"

/* Warns of file systems that are mounted in the root or an overlay and were not read, unless what is in them would be left
 * out anyhow; and of a root directory whose mode will surprise. */
void decide_warn(struct decisions *d);
