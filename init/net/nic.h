/*
 * One network card on its way to an address: found, up, link, address. nic_note_*() take in what the kernel says and do
 * nothing; nic_advance() does the next step. What is known of a card is put into effect only when it is its turn
 * (nic_configure), because two cards with a default route each would disturb each other.
 */
#pragma once

#include "base/message.h"
#include "net/dhcp.h"
#include "net/options.h"
#include "net/rtnl.h"

struct nic {
	struct rtnl_link link;           /* index 0: this place is free */
	const struct ip_option *option;  /* NULL: it is not to be configured */
	bool is_touched;                 /* set up, or configured */
	uint64_t up_at;                  /* when it may be set up again; 0: at once */
	bool has_link;                   /* carrier, as it was when last looked at */
	bool has_vlans;                  /* those on top of it are made */
	bool is_dropped;                 /* another one has reached the server */
	uint64_t link_at, configured_at; /* microseconds since the kernel started; 0: not yet */

	struct dhcp dhcp;
	uint64_t dhcp_at; /* when it may be started (again) */
	bool is_lease_missed;

	bool has_config;
	bool is_config_new;    /* nobody has tried yet to put it into effect */
	bool is_in_effect;     /* it, or the one before: the kernel has that address */
	bool is_set_by_kernel; /* the kernel itself has configured it */
	unsigned own_mtu;      /* that it had before a configuration gave it another; 0: none did */
	unsigned refused_mtu; /* that the kernel did not take when it was last set; 0: it took it */
	struct net_config config; /* if has_config: by ip=, a lease, or the kernel */

	struct net_address ipv6;     /* that routers have let it make; family 0: none yet */
	struct net_config announced; /* has the DNS servers that routers announce */

	uint64_t tried_at;          /* its last turn; 0: had none */
	enum network_reason reason; /* what that came to */
};

/* Is it a card that a machine may be on a network by, or a VLAN of ours? */
bool nic_is_one(const struct rtnl_link *link, const struct net_options *o);

/* Is it to be configured, or does a VLAN of ours lie on top of it? */
bool nic_is_wanted(const struct rtnl_link *link, const struct net_options *o);

void nic_note_link(struct nic *nic, const struct rtnl_link *link, const struct net_options *o);

/* An address that appeared, or has gone. */
void nic_note_address(struct nic *nic, const struct net_address *a, unsigned flags,
		      bool is_removed);

/* The kernel's ip= gave it that address before /init began. */
void nic_take_over(struct nic *nic, const struct net_address *a);

/* Does what can be done next; changes are said on the console. */
void nic_advance(struct nic *nic, int rtnl, const struct net_options *o);

/* When the descriptor of its DHCP client can be read. */
void nic_read_lease(struct nic *nic);

/* Has it link and address, so that it can have its turn? */
bool nic_is_ready(const struct nic *nic);

/* Did the kernel not take its address, and has it no other one? Another turn tries again. */
bool nic_is_refused(const struct nic *nic);

/* How far it has come. */
enum network_reason nic_reason(const struct nic *nic);

/* Raises its MTU to what a VLAN on top of it is to have, which can have no larger one. */
void nic_make_room(struct nic *nic, int rtnl, const struct nic *vlan);

/* Gives address and routes to the kernel; what it refuses is said on the console, once for a configuration. */
void nic_configure(struct nic *nic, int rtnl);

/* Takes them back. */
void nic_unconfigure(struct nic *nic, int rtnl);

/* Ends its DHCP client and sets it down. */
void nic_drop(struct nic *nic, int rtnl);

/* Its driver, "" if that is not known. Returns ret. */
const char *nic_driver(const char *name, char ret[32]);

/* Mbit/s; 0 if not known. */
unsigned nic_speed(const char *name);
