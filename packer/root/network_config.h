/*
 * Configuration of the network, as ifupdown, ifcfg files, NetworkManager, systemd-networkd, dhcpcd and netplan have it: the names of
 * cards that it is for, and the addresses that it gives them. Knows the lines that say so, not the whole of their syntax.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "root/network_stanza.h"

/* Is it the path of such a file in a root? */
bool network_config_is(const char *path);

/* Is it the path of a .link file, which gives cards names, and no more? */
bool network_config_is_link(const char *path);

/* text: of the file at path, of either kind, size bytes. The fields of *ret lie in both. */
void network_config_read(const char *path, const char *text, size_t size,
			 struct network_config *ret);
