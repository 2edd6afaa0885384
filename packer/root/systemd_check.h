/*
 * Roots whose systemd was left incomplete: by container images, and by what makes roots for a first boot.
 */
#pragma once

#include <stdbool.h>

#include "tree/root_files.h"

/* Is init, a path in the root, systemd with its units? */
bool systemd_check_is(const struct root_files *packed, const char *init);

/* Warns of such a root in which it lacks udev, units that are masked, or all that would be enabled. packed: what goes into the
 * image. */
void systemd_check_warn(const struct root_files *packed);
