/*
 * Configuration of one network card: profiles of NetworkManager, ifcfg files, .network and .link files of systemd, netplan.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/fields.h"

/* Does it name a card by its MAC address, or give it one? On another machine it is for nothing, or two get the same. */
bool card_profile_has_mac(const char *text, size_t size);

/* The first MAC address in it, with colons, dashes or dots; size 0: there is none. */
struct field card_profile_find_mac(struct field text);
