/*
 * A DHCP lease, as busybox' udhcpc tells it: it starts a program with an event as the argument, and with the lease in the
 * environment. That program is /init itself, which passes both on as they are in memory. Pure: bytes in, struct out.
 * All values come from the network: one that cannot be right is ignored, without the address the lease is none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "net/config.h"

#define LEASE_MESSAGE_MAX 16384

enum lease_event {
	LEASE_NONE,   /* no lease yet, or it is no longer valid */
	LEASE_BOUND,  /* a lease: new, or renewed */
	LEASE_FAILED, /* a message that cannot be understood, or a lease without a good address */
};

/* text: the event and the environment, each ended by NUL. *ret is filled if there is a lease. */
enum lease_event lease_parse(const char *text, size_t size, struct net_config *ret);

/* Is this program started by udhcpc, with these arguments? */
bool lease_is_event(int argc, char **argv);

/* Then: passes event and environment on, in one message on standard output. Returns the exit status. */
int lease_print(char **argv);
