/*
 * Where each machine is kept, and which one makes room when there is none: first those that nobody vouches for, as they came; then
 * those that have only asked for an address, then others, those that failed last, and of these the ones that were silent longest.
 */
#pragma once

#include "status/machine.h"

/* NULL: there is none with this MAC, which mac_parse() wrote. */
struct machine *machine_places_find(struct machines *m, const char *mac);

/* The machine with this MAC, added if there is none. claimed_by: address of the sender that says there is one; 0: another sign of it.
 * NULL: there is no room but that of machines which are vouched for. */
struct machine *machine_places_add(struct machines *m, const char *mac, uint32_t claimed_by,
				   uint64_t now);

/* The same of one that is vouched for, from now on: never NULL. */
struct machine *machine_places_vouch(struct machines *m, const char *mac, uint64_t now);
