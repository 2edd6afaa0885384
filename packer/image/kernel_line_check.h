/*
 * What a kernel command line asks for that the boot part it is for cannot do, or must not.
 */
#pragma once

#include <stddef.h>

#include "base/fail.h"

/* Does a kernel command line, which that option gave, go with a boot part that has so many keys? 0, or -EINVAL with *f set. */
int kernel_line_check(const char *option, const char *line, size_t n_keys, struct fail *f);
