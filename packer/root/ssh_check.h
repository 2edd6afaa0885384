/*
 * Would an ssh server start? Its host keys stay on the builder, so something must create new ones at boot.
 */
#pragma once

#include "tree/root_files.h"

/* Warns of a root with an ssh server that has no host keys, and in which nothing that is known here creates them.
 * has_cloud_init: that would, where it finds a datasource. packed: what goes into the image. */
void ssh_check_warn(const struct root_files *packed, bool has_cloud_init);
