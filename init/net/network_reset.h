/*
 * The network before the new init starts: as if nobody had touched it, or, with tarboot.net=keep, in use, with files that tell
 * systemd-networkd and NetworkManager to take it over.
 */
#pragma once

#include "base/message.h"

/* In a child process. Removes addresses, routes, VLANs and resolv.conf, sets all links down that were touched, and gives them back
 * their MTU; if one is to be kept, all but that one. 0, or -errno: something is left. */
int network_reset(const struct network_seen *seen, bool is_kept);
