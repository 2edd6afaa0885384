/*
 * What can be packed as it is and will surprise at boot: warned about, each with what to do.
 */
#pragma once

#include "member.h"

/* About the root directory: everybody must be able to enter it, and only root may change it. */
void root_warn_of_directory(const struct member *m);
