/*
 * Places in a root that several checks look at.
 */
#pragma once

/* The units that the administrator made or enabled. */
#define SYSTEMD_UNITS "etc/systemd/system"

/* Where cloud-init finds a datasource without a network; for a list of paths. */
#define CLOUD_SEEDS "var/lib/cloud/seed/nocloud", "var/lib/cloud/seed/nocloud-net"
