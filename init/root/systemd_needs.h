/*
 * Kernel features that systemd cannot run without, checked before it is started, because systemd itself would only
 * freeze.
 */
#pragma once

#include <stdbool.h>

#include "base/fail.h"

/* Is the program at path in the root open at root_fd systemd, by its name? */
bool systemd_is(int root_fd, const char *path);

/* Is the program at path in the root open at root_fd systemd, and does this kernel lack what it needs? 0, or -ENOSYS
 * with *f naming all that is missing, as symbols of the kernel's configuration. */
int systemd_needs_check(int root_fd, const char *path, struct fail *f);
