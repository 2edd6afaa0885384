/*
 * The DHCP client: busybox' udhcpc, from the image, one process for each network card. It asks for ever, and renews the lease
 * as long as it runs. It never configures the card: the network process does.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "image/members.h"
#include "net/lease.h"

#define DHCP_CLIENT "/" MEMBER_BUSYBOX

struct dhcp {
	pid_t pid; /* 0: does not run */
	int fd;    /* where its messages arrive */
};

/* Starts it on a link that is up and has carrier. 0 or -errno. */
int dhcp_start(struct dhcp *d, const char *nic);

/* When its descriptor can be read. LEASE_BOUND: with a lease in *ret. Check dhcp->pid afterwards: it is 0 if the client has
 * ended. */
enum lease_event dhcp_read(struct dhcp *d, struct net_config *ret);

/* Ends it without giving the lease back, because the new system may ask for the same one. */
void dhcp_stop(struct dhcp *d);
