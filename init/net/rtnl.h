/*
 * Links, addresses and routes, by rtnetlink: what `ip link`, `ip address` and `ip route` do. Every change waits for the
 * kernel's answer. Only messages that Linux 3.10 knows.
 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/config.h"

struct rtnl_link {
	int index;
	char name[NET_NAME_MAX];
	uint16_t type;   /* ARPHRD_* */
	unsigned flags;  /* IFF_*; IFF_LOWER_UP: has carrier */
	uint8_t mac[6];  /* zeros: has none of that length */
	unsigned mtu;    /* bytes */
	char kind[16];   /* of a virtual one: "vlan", "veth"; else "" */
	bool is_removed; /* the message says that it is gone */
};

/* A socket for requests. fd or -errno. */
int rtnl_open(void);

/* One that tells of changes: links, IPv6 addresses, and what routers say about DNS. Does not block. fd or -errno. */
int rtnl_open_monitor(void);

typedef void rtnl_fn(const struct nlmsghdr *h, void *arg);

/* Calls fn for each link, as a message of RTM_NEWLINK; for each address, of RTM_NEWADDR. 0 or -errno. */
int rtnl_links(int fd, rtnl_fn *fn, void *arg);
int rtnl_addresses(int fd, rtnl_fn *fn, void *arg);

/* Calls fn for all messages that have arrived. 0; or -errno: -ENOBUFS when some were lost, so that all must be read again. */
int rtnl_receive(int monitor, rtnl_fn *fn, void *arg);

/* A message about a link, or about an address; false: it is about something else. */
bool rtnl_parse_link(const struct nlmsghdr *h, struct rtnl_link *ret);
bool rtnl_parse_address(const struct nlmsghdr *h, int *ret_index, struct net_address *ret,
			unsigned *ret_flags);

/* A message about DNS servers that an IPv6 router announced: adds them to c. False: it is about something else. */
bool rtnl_parse_dns(const struct nlmsghdr *h, int *ret_index, struct net_config *c);

/* All return 0 or -errno. */
int rtnl_set_up(int fd, int index, bool is_up);
int rtnl_set_mtu(int fd, int index, unsigned mtu);
int rtnl_add_vlan(int fd, const char *name, int parent, uint16_t id);
int rtnl_delete_link(int fd, int index);
int rtnl_add_address(int fd, int index, const struct net_address *a);
int rtnl_add_route(int fd, int index, const struct net_route *r, bool is_on_link);

/* Removes all addresses of a family (AF_UNSPEC: of all) from a link, and its routes. */
int rtnl_flush(int fd, int index, uint8_t family);
