/*
 * Configuration of the network, as ifupdown, ifcfg files, NetworkManager, systemd-networkd, dhcpcd and netplan have it: the names of
 * cards that it is for, and the addresses that it gives them. Knows the lines that say so, not the whole of their syntax.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/fields.h"

struct network_config {
	struct field
		card; /* the first name, or pattern, that no card has with net.ifnames=0; size 0: none */
	struct field address; /* the first that a card gets; size 0: none */
	struct field mac;     /* the same, of MAC addresses */
	struct field place,
		placed; /* a card at one place in the machine (udev's ID_PATH), and its name; size 0: none */
	bool fits;   /* it names a card that has that name with net.ifnames=0, or all cards */
	bool is_any; /* it is for something else than lo, or may be */
};

/* Is it the path of such a file in a root? */
bool network_config_is(const char *path);

/* Is it the path of a .link file, which gives cards names, and no more? */
bool network_config_is_link(const char *path);

/* text: of the file at path, of either kind, size bytes. The fields of *ret lie in both. */
void network_config_read(const char *path, const char *text, size_t size,
			 struct network_config *ret);
