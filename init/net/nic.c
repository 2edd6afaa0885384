/* The steps of one network card, and the lines about it on the console. */
#include "net/nic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <net/if_arp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/console.h"
#include "base/util.h"

#define LOWER_UP 0x10000      /* IFF_LOWER_UP: carrier */
#define LEASE_SECONDS 90      /* spanning tree keeps a port silent for up to 50 s */
#define AGAIN_USEC 5000000ULL /* when the DHCP client has ended, or the card could not be set up */

/* ---- what /sys says ---- */

const char *nic_driver(const char *name, char ret[32])
{
	char path[64], target[256];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	base = strrchr(target, '/');
	snprintf(ret, 32, "%.31s", base ? base + 1 : "");
	return ret;
}

/* A driver that does not know it says -1, or gives an error. */
unsigned nic_speed(const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[64], text[16];
	ssize_t n;
	long speed;

	snprintf(path, sizeof(path), "/sys/class/net/%s/speed", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	speed = strtol(text, NULL, 10);
	return speed > 0 && speed < 10000000 ? (unsigned)speed : 0;
}

static void set_ipv6(const struct nic *nic, const char *key, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", nic->link.name, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, value, 1);
}

/* ---- what the kernel says ---- */

/* Virtual ones are not cards, except veth, which is what a container has. */
bool nic_is_one(const struct rtnl_link *link, const struct net_options *o)
{
	if (link->type != ARPHRD_ETHER || (link->flags & IFF_LOOPBACK))
		return false;
	return !*link->kind || strcmp(link->kind, "veth") == 0 || net_options_vlan(o, link->name);
}

static const struct ip_option *option_for(const struct rtnl_link *link, const struct net_options *o)
{
	const struct ip_option *option = net_options_for(o, link->name, link->mac);

	return option && option->method != IP_OFF ? option : NULL;
}

bool nic_is_wanted(const struct rtnl_link *link, const struct net_options *o)
{
	return option_for(link, o) || net_options_vlan_on(o, link->name);
}

void nic_note_link(struct nic *nic, const struct rtnl_link *link, const struct net_options *o)
{
	nic->link = *link;
	nic->option = option_for(link, o);
}

void nic_note_address(struct nic *nic, const struct net_address *a, unsigned flags, bool is_removed)
{
	if (a->family != AF_INET6 || net_address_is_link_local(a))
		return;
	if (is_removed || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))) {
		if (net_address_is_equal(a, &nic->ipv6))
			nic->ipv6.family = 0;
	} else if (!nic->ipv6.family) {
		nic->ipv6 = *a;
	}
}

void nic_take_over(struct nic *nic, const struct net_address *a)
{
	bool is_static = nic->option && nic->option->method == IP_STATIC &&
			 net_address_is_equal(a, &nic->option->config.address);

	/* The same ip= has more to say. */
	nic->config = is_static ? nic->option->config
				: (struct net_config){ .address = *a, .from = "the kernel's ip=" };
	nic->has_config = nic->is_set_by_kernel = nic->is_touched = true;
}

/* ---- link ---- */

static void say_link(const struct nic *nic)
{
	char driver[32], mac[18], rate[32] = "";
	unsigned speed = nic_speed(nic->link.name);

	if (speed)
		snprintf(rate, sizeof(rate), ", %u Mbit/s", speed);
	console_log(LOG_NOTICE, "%s: link up%s (%s%s%s)", nic->link.name, rate,
		    net_mac_format(nic->link.mac, mac),
		    *nic_driver(nic->link.name, driver) ? ", " : "", driver);
}

/* The kernel keeps what IPv6 routers have let it make, and says nothing when the link is back; what it removes, it says. */
static void lose_link(struct nic *nic, int rtnl)
{
	console_log(LOG_NOTICE, "%s: link lost", nic->link.name);
	dhcp_stop(&nic->dhcp);
	nic_unconfigure(nic, rtnl);
	nic->has_config = false;
	nic->dhcp_at = 0;
}

static void look_at_link(struct nic *nic, int rtnl)
{
	bool has_link = nic->link.flags & LOWER_UP;

	if (has_link == nic->has_link)
		return;
	nic->has_link = has_link;
	if (!has_link) {
		lose_link(nic, rtnl);
		return;
	}
	nic->link_at = now_usec();
	nic->is_lease_missed = false;
	say_link(nic);
}

static bool needs_ipv6(const struct ip_option *o)
{
	return o->method == IP_AUTO6 ||
	       (o->method == IP_STATIC && o->config.address.family == AF_INET6);
}

static void set_up(struct nic *nic, int rtnl)
{
	int r;

	if (nic->option) {
		set_ipv6(nic, "accept_ra", "1");
		if (needs_ipv6(nic->option))
			set_ipv6(nic, "disable_ipv6", "0");
	}
	r = rtnl_set_up(rtnl, nic->link.index, true);
	if (r < 0 && !nic->is_touched)
		console_log(LOG_WARNING, "%s: cannot set it up: %s", nic->link.name, strerror(-r));
	nic->is_touched = true;
	if (r == 0)
		nic->link.flags |= IFF_UP; /* the kernel's message about it may come later */
	else
		nic->up_at = now_usec() + AGAIN_USEC;
}

/* ---- address ---- */

static void say_config(const struct nic *nic, const struct net_config *c)
{
	const struct net_address *gateway = net_config_gateway(c);
	char address[NET_ADDRESS_TEXT_MAX], text[NET_ADDRESS_TEXT_MAX], dns[NET_ADDRESS_TEXT_MAX];

	console_log(LOG_NOTICE, "%s: address %s%s%s%s%s%s%s", nic->link.name,
		    net_address_format(&c->address, address), *c->from ? " from " : "", c->from,
		    gateway ? ", gateway " : "", gateway ? net_address_format(gateway, text) : "",
		    c->n_dns ? ", DNS " : "", c->n_dns ? net_address_format(&c->dns[0], dns) : "");
}

static bool is_same_config(const struct net_config *a, const struct net_config *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void take_config(struct nic *nic, const struct net_config *c)
{
	if (nic->has_config && is_same_config(&nic->config, c))
		return;
	memcpy(&nic->config, c,
	       sizeof(*c)); /* with what lies between the fields, for the comparison */
	nic->has_config = true;
	nic->is_config_new = true;
	nic->configured_at = now_usec();
	nic->tried_at = 0;
	say_config(nic, c);
}

static void start_dhcp(struct nic *nic)
{
	int r = dhcp_start(&nic->dhcp, nic->link.name);

	if (r < 0 && !nic->dhcp_at)
		console_log(LOG_WARNING, "%s: cannot ask for an address by DHCP: %s: %s",
			    nic->link.name, DHCP_CLIENT, strerror(-r));
	nic->dhcp_at = now_usec() + AGAIN_USEC;
}

static void miss_lease(struct nic *nic)
{
	if (nic->is_lease_missed || now_usec() < nic->link_at + LEASE_SECONDS * 1000000ULL)
		return;
	nic->is_lease_missed = true;
	console_log(LOG_WARNING, "%s: no DHCP server has answered for %d s", nic->link.name,
		    LEASE_SECONDS);
}

void nic_read_lease(struct nic *nic)
{
	struct net_config lease;

	switch (dhcp_read(&nic->dhcp, &lease)) {
	case LEASE_BOUND:
		lease.mtu = nic->option && nic->option->config.mtu ? nic->option->config.mtu
								   : lease.mtu;
		take_config(nic, &lease);
		break;
	case LEASE_FAILED:
		console_log(LOG_WARNING,
			    "%s: a DHCP server gave an answer without a usable address",
			    nic->link.name);
		dhcp_stop(&nic->dhcp); /* it would keep that for as long as the lease lasts */
		nic->dhcp_at = now_usec() + AGAIN_USEC;
		break;
	case LEASE_NONE:
		break;
	}
}

static void look_for_address(struct nic *nic)
{
	if (nic->ipv6.family && !nic->configured_at) {
		struct net_config c = { .address = nic->ipv6, .from = "IPv6 router" };

		nic->configured_at = now_usec();
		say_config(nic, &c);
	}
	if (nic->has_config && !nic->dhcp.pid)
		return;
	if (nic->option->method == IP_STATIC) {
		take_config(nic, &nic->option->config);
	} else if (nic->option->method == IP_AUTO) {
		if (!nic->dhcp.pid && now_usec() >= nic->dhcp_at)
			start_dhcp(nic);
		if (!nic->has_config && !nic->ipv6.family)
			miss_lease(nic);
	}
}

/* ---- all in order ---- */

static void add_vlans(struct nic *nic, int rtnl, const struct net_options *o)
{
	nic->has_vlans = true;
	for (size_t i = 0; i < o->n_vlans; i++) {
		const struct vlan_option *v = &o->vlans[i];
		int r;

		if (strcmp(v->parent, nic->link.name) != 0)
			continue;
		r = rtnl_add_vlan(rtnl, v->name, nic->link.index, v->id);
		if (r < 0 && r != -EEXIST)
			console_log(LOG_WARNING, "vlan=%s:%s: the kernel cannot make it: %s",
				    v->name, v->parent, strerror(-r));
	}
}

void nic_advance(struct nic *nic, int rtnl, const struct net_options *o)
{
	bool is_parent = net_options_vlan_on(o, nic->link.name);

	if (nic->is_dropped || (!nic->option && !is_parent))
		return;
	if (!(nic->link.flags & IFF_UP) && now_usec() >= nic->up_at)
		set_up(nic, rtnl);
	look_at_link(nic, rtnl);
	if (is_parent && nic->has_link && !nic->has_vlans)
		add_vlans(nic, rtnl, o);
	if (nic->option && nic->has_link)
		look_for_address(nic);
}

bool nic_is_ready(const struct nic *nic)
{
	return nic->option && !nic->is_dropped && nic->has_link &&
	       (nic->has_config || nic->ipv6.family);
}

bool nic_is_refused(const struct nic *nic)
{
	return nic->has_config && !nic->is_set_by_kernel && !nic->is_in_effect &&
	       !nic->is_config_new && !nic->ipv6.family;
}

enum network_reason nic_reason(const struct nic *nic)
{
	if (!nic->option)
		return NETWORK_OTHER_NICS;
	if (!nic->has_link)
		return NETWORK_NO_CARRIER;
	if (!nic_is_ready(nic))
		return NETWORK_NO_LEASE;
	return nic->reason ? nic->reason
			   : NETWORK_NO_ANSWER; /* its first turn has not ended, or not begun */
}

/* ---- its turn ---- */

static void say_refused_route(const struct nic *nic, const struct net_route *route, int r)
{
	char to[NET_ADDRESS_TEXT_MAX], gateway[NET_ADDRESS_TEXT_MAX];

	console_log(LOG_WARNING, "%s: the kernel does not take the route to %s%s%s: %s",
		    nic->link.name, net_address_format(&route->to, to),
		    route->gateway.family ? " via " : "",
		    net_address_format(&route->gateway, gateway), strerror(-r));
}

/* One that is refused does not keep the others from being added. */
static void add_routes(const struct nic *nic, int rtnl)
{
	bool is_said = !nic->is_config_new;

	for (size_t i = 0; i < nic->config.n_routes; i++) {
		const struct net_route *route = &nic->config.routes[i];
		int r = rtnl_add_route(rtnl, nic->link.index, route,
				       !net_address_has(&nic->config.address, &route->gateway));

		if (r < 0 && !is_said)
			say_refused_route(nic, route, r);
		is_said = is_said || r < 0;
	}
}

/* By a lease or ip=; what an IPv6 router announces of it is the kernel's business. 0: its own. */
static unsigned wanted_mtu(const struct nic *nic)
{
	if (nic->has_config)
		return nic->config.mtu;
	return nic->option ? nic->option->config.mtu : 0;
}

/* Some cards lose their link for a moment when it changes. So it stays, also without link, until another configuration says
 * otherwise or the hand-over. */
static void set_mtu(struct nic *nic, int rtnl)
{
	unsigned wanted = wanted_mtu(nic), mtu = wanted ? wanted : nic->own_mtu;
	int r;

	if (mtu == 0)
		return;
	if (nic->own_mtu == 0)
		nic->own_mtu = nic->link.mtu;
	r = rtnl_set_mtu(rtnl, nic->link.index, mtu);
	if (r < 0 && (nic->is_config_new || nic->refused_mtu != mtu))
		console_log(LOG_WARNING, "%s: cannot set an MTU of %u: %s", nic->link.name, mtu,
			    strerror(-r));
	nic->refused_mtu = r < 0 ? mtu : 0;
}

void nic_make_room(struct nic *nic, int rtnl, const struct nic *vlan)
{
	unsigned mtu = wanted_mtu(vlan);

	if (mtu <= nic->link.mtu)
		return;
	if (nic->own_mtu == 0)
		nic->own_mtu = nic->link.mtu;
	(void)rtnl_set_mtu(rtnl, nic->link.index,
			   mtu); /* else the VLAN's own is refused, and says so */
}

void nic_configure(struct nic *nic, int rtnl)
{
	const struct net_config *c = &nic->config;
	int r;

	if (nic->is_set_by_kernel || (nic->is_in_effect && !nic->is_config_new))
		return;
	if (!nic->has_config) {
		if (wanted_mtu(nic)) /* else one of a lease stays, which may come again */
			set_mtu(nic, rtnl);
		return;
	}
	(void)rtnl_flush(rtnl, nic->link.index, c->address.family);
	set_mtu(nic, rtnl);
	r = rtnl_add_address(rtnl, nic->link.index, &c->address);
	if (r == 0)
		add_routes(nic, rtnl);
	else if (nic->is_config_new)
		console_log(LOG_WARNING, "%s: the kernel does not take its address: %s",
			    nic->link.name, strerror(-r));
	nic->is_in_effect = r == 0;
	nic->is_config_new = false;
}

void nic_unconfigure(struct nic *nic, int rtnl)
{
	if (!nic->is_in_effect && !nic->is_set_by_kernel)
		return;
	(void)rtnl_flush(rtnl, nic->link.index, nic->config.address.family);
	if (nic->is_set_by_kernel)
		nic->has_config = nic->is_set_by_kernel = false;
	nic->is_in_effect = false;
}

void nic_drop(struct nic *nic, int rtnl)
{
	dhcp_stop(&nic->dhcp);
	nic_unconfigure(nic, rtnl);
	nic->has_config = nic->has_link = false;
	nic->ipv6.family = 0;
	nic->is_dropped = true;
	if (nic->is_touched)
		(void)rtnl_set_up(rtnl, nic->link.index, false);
	nic->link.flags &= ~(unsigned)IFF_UP;
}
