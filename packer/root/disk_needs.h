/*
 * What of the root asks for disks at boot, and is packed as it is: tables of file systems that are links, which the rules of scrub.h
 * are not for, and units of systemd.
 */
#pragma once

#include "root/rootfs.h"
#include "root/rules.h"

struct disk_needs {
	struct rootfs *fs;
	const struct rules *rules;     /* what none names is left as it is on purpose */
	const struct path_map *mapped; /* see fstab.h */
	/* of the tree; files of overlays are not checked: the user added them */
	uint16_t root_layers;
};

/* Warns, once of each kind. */
void disk_needs_warn(const struct disk_needs *needs);
