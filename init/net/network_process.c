/* The loop of the network process: what the kernel says, whose turn it is, what PID 1 is told. */
#include "net/network_process.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/child.h"
#include "base/console.h"
#include "base/message.h"
#include "devices/modules.h"
#include "net/nic.h"
#include "net/probe.h"
#include "net/resolv.h"
#include "net/rtnl.h"

#define NICS_MAX NETWORK_CARDS_MAX
#define TICK_MS 200
#define BOOTIF_FIRST_USEC 5000000 /* how long one that is ready waits for the boot loader's */
#define PAUSE_LEAST_USEC 1000000  /* before all have their turns again */
#define PAUSE_MOST_USEC 5000000

struct network {
	const struct network_task *task;
	int parent, rtnl, monitor;
	struct nic nics[NICS_MAX];
	struct nic *turn; /* whose turn it is: in effect, and probed */
	bool is_reached;  /* by it */
	bool is_full_said;
	struct probe probe;
	uint64_t ready_at; /* microseconds since the kernel started: the first one was */
	uint64_t probe_at; /* the same: when the next one may have its turn */
	struct network_seen seen, told; /* now, and as PID 1 knows it */
};

/* ---- what the kernel says ---- */

static struct nic *find_nic(struct network *n, int index)
{
	for (size_t i = 0; i < NICS_MAX; i++)
		if (n->nics[i].link.index == index)
			return &n->nics[i];
	return NULL;
}

/* The one that was reached by is gone, or has lost its link or its address: all look for a way again. */
static void look_again(struct network *n)
{
	n->is_reached = false;
	for (size_t i = 0; i < NICS_MAX; i++)
		n->nics[i].is_dropped = false;
}

static void remove_nic(struct network *n, struct nic *nic)
{
	console_log(LOG_NOTICE, "%s: removed", nic->link.name);
	dhcp_stop(&nic->dhcp);
	if (n->turn == nic) {
		probe_stop(&n->probe);
		n->turn = NULL;
		look_again(n);
	}
	*nic = (struct nic){ 0 };
}

/* Is the last place still to be kept for BOOTIF's card? */
static bool is_last_kept(const struct network *n, const struct rtnl_link *link)
{
	const struct net_options *o = &n->task->options;

	for (size_t i = 0; i < NICS_MAX; i++)
		if (n->nics[i].link.index && net_options_is_bootif(o, n->nics[i].link.mac))
			return false;
	return o->has_bootif && !net_options_is_bootif(o, link->mac);
}

/* Makes a place for a card that has none. Those that no option is about, which a failure names, have theirs until another one needs
 * it; the last one is BOOTIF's, until that has one. NULL: there is none. */
static struct nic *make_place(struct network *n, const struct rtnl_link *link)
{
	const struct net_options *o = &n->task->options;
	size_t n_places = is_last_kept(n, link) ? NICS_MAX - 1 : NICS_MAX;
	struct nic *place = NULL;

	for (size_t i = 0; i < n_places; i++) {
		struct nic *nic = &n->nics[i];

		if (!nic->link.index)
			return nic;
		if (!nic->is_touched && nic != n->turn && !nic_is_wanted(&nic->link, o))
			place = nic;
	}
	if (!place || !nic_is_wanted(link, o))
		return NULL;
	*place = (struct nic){ 0 };
	return place;
}

static void note_new_link(struct network *n, const struct rtnl_link *link)
{
	struct nic *nic = make_place(n, link);

	if (nic) {
		nic_note_link(nic, link, &n->task->options);
	} else if (nic_is_wanted(link, &n->task->options) && !n->is_full_said) {
		n->is_full_said = true;
		console_log(LOG_WARNING, "%s: not used: no more than %d network cards are tried",
			    link->name, NICS_MAX);
	}
}

static void note_link(struct network *n, const struct rtnl_link *link)
{
	struct nic *nic = find_nic(n, link->index);

	if (nic && link->is_removed)
		remove_nic(n, nic);
	else if (nic)
		nic_note_link(nic, link, &n->task->options);
	else if (!link->is_removed && nic_is_one(link, &n->task->options))
		note_new_link(n, link);
}

/* Only takes note: the kernel is asked for nothing while its answers are read. */
static void note_message(const struct nlmsghdr *h, void *arg)
{
	struct network *n = arg;
	struct net_config announced = { 0 };
	struct net_address address;
	struct rtnl_link link;
	struct nic *nic;
	unsigned flags;
	int index;

	if (rtnl_parse_link(h, &link)) {
		note_link(n, &link);
	} else if (rtnl_parse_address(h, &index, &address, &flags)) {
		nic = find_nic(n, index);
		if (nic)
			nic_note_address(nic, &address, flags, h->nlmsg_type == RTM_DELADDR);
	} else if (rtnl_parse_dns(h, &index, &announced)) {
		nic = find_nic(n, index);
		if (nic)
			nic->announced = announced;
	}
}

/* Addresses of before /init: the kernel's own ip= gave them. */
static void note_kernels_address(const struct nlmsghdr *h, void *arg)
{
	struct network *n = arg;
	struct net_address a;
	unsigned flags;
	int index;
	struct nic *nic;

	note_message(h, arg);
	if (!rtnl_parse_address(h, &index, &a, &flags) || a.family != AF_INET ||
	    !net_address_is_host(&a))
		return;
	nic = find_nic(n, index);
	if (nic && (nic->link.flags & IFF_UP))
		nic_take_over(nic, &a);
}

static void read_all(struct network *n)
{
	(void)rtnl_links(n->rtnl, note_message, n);
	(void)rtnl_addresses(n->rtnl, note_message, n);
}

/* ---- what PID 1 is told ---- */

static void add_name(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static enum network_reason best_reason(const struct network *n)
{
	enum network_reason best = NETWORK_NO_NIC, one;

	if (n->is_reached)
		return NETWORK_REACHED;
	for (size_t i = 0; i < NICS_MAX; i++) {
		one = n->nics[i].link.index ? nic_reason(&n->nics[i]) : NETWORK_NO_NIC;
		if (one > best)
			best = one;
	}
	return best;
}

/* Those that are used, or, if none is, those that are there. */
static void describe_nics(const struct network *n, enum network_reason reason,
			  struct network_seen *s)
{
	size_t touched = 0;

	memset(s->nics, 0, sizeof(s->nics));
	memset(s->touched, 0, sizeof(s->touched));
	memset(s->mtu, 0, sizeof(s->mtu));
	for (size_t i = 0; i < NICS_MAX; i++) {
		const struct nic *nic = &n->nics[i];

		if (nic->link.index && (nic->option || reason == NETWORK_OTHER_NICS))
			add_name(s->nics, sizeof(s->nics), nic->link.name);
		if (!nic->link.index || !nic->is_touched)
			continue;
		s->mtu[touched] = (uint16_t)nic->own_mtu;
		s->touched[touched++] = (uint16_t)nic->link.index;
	}
}

static void describe_turn(const struct nic *nic, const struct net_config *dns,
			  struct network_seen *s)
{
	const struct net_config *c = &nic->config;
	const struct net_address *gateway = nic->has_config ? net_config_gateway(c) : NULL;
	char text[NET_ADDRESS_TEXT_MAX], driver[32];

	snprintf(s->nic, sizeof(s->nic), "%s", nic->link.name);
	snprintf(s->driver, sizeof(s->driver), "%.23s", nic_driver(nic->link.name, driver));
	memcpy(s->mac, nic->link.mac, sizeof(s->mac));
	s->speed = nic_speed(nic->link.name);
	(void)net_address_format(nic->has_config ? &c->address : &nic->ipv6, s->address);
	snprintf(s->from, sizeof(s->from), "%.39s", nic->has_config ? c->from : "IPv6 router");
	snprintf(s->hostname, sizeof(s->hostname), "%s",
		 nic->option && *nic->option->config.hostname ? nic->option->config.hostname
							      : c->hostname);
	snprintf(s->gateway, sizeof(s->gateway), "%.47s",
		 gateway ? net_address_format(gateway, text) : "");
	*s->dns = '\0';
	for (size_t i = 0; i < dns->n_dns; i++)
		add_name(s->dns, sizeof(s->dns), net_address_format(&dns->dns[i], text));
	s->link = nic->link_at;
	s->configured = nic->configured_at;
}

static void describe_server(const struct url *u, struct network_seen *s)
{
	snprintf(s->about, sizeof(s->about), u->is_ipv6 ? "[%.80s]:%u" : "%.80s:%u", u->host,
		 u->port);
}

static void tell(struct network *n)
{
	struct message m = { .kind = MESSAGE_NETWORK_SEEN };

	n->seen.reason = best_reason(n);
	describe_nics(n, best_reason(n), &n->seen);
	if (memcmp(&n->seen, &n->told, sizeof(n->seen)) == 0)
		return;
	m.network = n->seen;
	if (message_send(n->parent, &m)) /* else it is told later: PID 1 waits for it */
		n->told = n->seen;
}

/* ---- turns ---- */

static bool is_bootif(const struct network *n, const struct nic *nic)
{
	return net_options_is_bootif(&n->task->options, nic->link.mac);
}

/* Does the boot loader's card still have the right to be the first? */
static bool is_bootif_awaited(const struct network *n)
{
	bool is_here = false;

	for (size_t i = 0; i < NICS_MAX; i++)
		is_here = is_here || (n->nics[i].link.index && n->nics[i].option &&
				      !n->nics[i].tried_at && is_bootif(n, &n->nics[i]));
	return is_here && now_usec() < n->ready_at + BOOTIF_FIRST_USEC;
}

/* The ready one whose last turn is longest ago; of those that had none, the boot loader's. NULL: none is ready. */
static struct nic *next_nic(struct network *n)
{
	struct nic *next = NULL;

	for (size_t i = 0; i < NICS_MAX; i++) {
		struct nic *nic = &n->nics[i];

		if (!nic->link.index || !nic_is_ready(nic))
			continue;
		if (!next || nic->tried_at < next->tried_at ||
		    (nic->tried_at == next->tried_at && is_bootif(n, nic)))
			next = nic;
	}
	if (next && !n->ready_at)
		n->ready_at = now_usec();
	if (next && !is_bootif(n, next) && is_bootif_awaited(n))
		return NULL;
	return next;
}

static struct net_config dns_for(const struct network *n, const struct nic *nic)
{
	const struct net_config *sources[] = { &n->task->options.dns,
					       nic->option ? &nic->option->config : &nic->config,
					       &nic->config, &nic->announced };
	struct net_config dns = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		for (size_t j = 0; j < sources[i]->n_dns; j++)
			net_config_add_dns(&dns, &sources[i]->dns[j]);
	strcpy(dns.domain, nic->config.domain);
	if (nic->is_set_by_kernel)
		resolv_read_kernels(&dns);
	return dns;
}

static void keep_turn(struct network *n)
{
	if (n->task->n_servers > 0)
		console_log(LOG_NOTICE, "%s: %s reached", n->turn->link.name, n->seen.about);
	n->is_reached = true;
	n->seen.reached = now_usec();
	for (size_t i = 0; i < NICS_MAX; i++) {
		struct nic *nic = &n->nics[i];
		bool is_below = net_options_vlan_on(&n->task->options, nic->link.name);

		if (nic->link.index && nic != n->turn && !is_below && !nic->is_dropped)
			nic_drop(nic, n->rtnl);
	}
}

/* For the log alone: any address will do. */
static void keep_usable(struct network *n)
{
	if (nic_is_refused(n->turn))
		n->probe_at = now_usec() + PAUSE_LEAST_USEC;
	else
		keep_turn(n);
}

static void configure(struct network *n, struct nic *nic)
{
	const struct vlan_option *v = net_options_vlan(&n->task->options, nic->link.name);

	for (size_t i = 0; v && i < NICS_MAX; i++)
		if (n->nics[i].link.index && strcmp(n->nics[i].link.name, v->parent) == 0)
			nic_make_room(&n->nics[i], n->rtnl, nic);
	nic_configure(nic, n->rtnl);
}

static void give_turn(struct network *n, struct nic *nic)
{
	struct net_config dns = dns_for(n, nic);
	int r;

	if (n->turn && n->turn != nic)
		nic_unconfigure(n->turn, n->rtnl);
	n->turn = nic;
	n->is_reached = false;
	configure(n, nic);
	r = resolv_write(&dns, nic->link.name);
	if (r < 0)
		console_log(LOG_WARNING, "cannot write resolv.conf: %s", strerror(-r));
	describe_turn(nic, &dns, &n->seen);
	memcpy(n->seen.log, nic->config.log, sizeof(n->seen.log));
	nic->tried_at = now_usec();
	if (n->task->n_servers == 0) {
		keep_usable(n);
		return;
	}
	describe_server(n->task->servers, &n->seen);
	r = probe_start(&n->probe, n->task->servers, n->task->n_servers, nic->link.name);
	if (r < 0)
		n->probe_at = now_usec() + PAUSE_LEAST_USEC;
}

static const char *explain(enum network_reason reason)
{
	switch (reason) {
	case NETWORK_NO_NAME:
		return "the name cannot be resolved";
	case NETWORK_NO_ROUTE:
		return "no route to it";
	case NETWORK_REFUSED:
		return "the connection is refused";
	default:
		return "no answer";
	}
}

/* Random, so that many machines do not ask a server that has just come back all at once. */
static uint64_t random_pause(void)
{
	return PAUSE_LEAST_USEC + (uint64_t)rand() % (PAUSE_MOST_USEC - PAUSE_LEAST_USEC);
}

static void lose_turn(struct network *n, enum network_reason reason)
{
	struct nic *nic = n->turn, *next;

	if (nic->reason != reason)
		console_log(LOG_NOTICE, "%s: %s not reached: %s", nic->link.name, n->seen.about,
			    explain(reason));
	nic->reason = reason;
	next = next_nic(n);
	n->probe_at = now_usec() + (next && !next->tried_at ? 0 : random_pause());
}

/* A refusal may come from a firewall on a way that leads nowhere: it counts when it is the second, and the other cards that are
 * ready have had their turns. */
static bool does_refusal_count(struct network *n)
{
	const struct nic *next = next_nic(n);

	return n->turn->reason == NETWORK_REFUSED && (!next || next->tried_at);
}

static void end_probe(struct network *n)
{
	struct probe_result result = probe_finish(&n->probe);

	describe_server(&n->task->servers[result.server % n->task->n_servers], &n->seen);
	if (result.reason == NETWORK_REACHED ||
	    (result.reason == NETWORK_REFUSED && does_refusal_count(n)))
		keep_turn(n);
	else
		lose_turn(n, (enum network_reason)result.reason);
}

/* A renewed lease may say something else, which the kernel may refuse. */
static void renew(struct network *n)
{
	bool had_address = n->turn->is_in_effect;

	configure(n, n->turn);
	if (had_address && !n->turn->is_in_effect)
		look_again(n);
}

static void advance(struct network *n)
{
	struct nic *next;

	for (size_t i = 0; i < NICS_MAX; i++)
		if (n->nics[i].link.index)
			nic_advance(&n->nics[i], n->rtnl, &n->task->options);
	if (n->is_reached && (!nic_is_ready(n->turn) || nic_is_refused(n->turn)))
		look_again(n);
	if (n->is_reached && n->turn->is_config_new)
		renew(n);
	if (n->probe.pid && now_usec() >= n->probe.end)
		end_probe(n);
	if (n->is_reached || n->probe.pid)
		return;
	next = next_nic(n);
	if (next && (now_usec() >= n->probe_at || !next->tried_at))
		give_turn(n, next);
}

/* ---- the process ---- */

/* The kernel may ask for them itself, but not with tarboot.hotplug=off. */
static void load_modules(const struct network_task *task)
{
	struct modules *m = modules_open("/");

	if (!m)
		return;
	modules_load_for(m, "net-pf-17"); /* AF_PACKET, for the DHCP client */
	modules_load_for(m, "net-pf-10"); /* IPv6 */
	if (task->options.n_vlans)
		modules_load_for(m, "rtnl-link-vlan");
	modules_close(m);
}

/* All descriptors that something may arrive at; nics[i]'s is the one at 3 + i. */
static void wait_for_events(struct network *n)
{
	struct pollfd p[3 + NICS_MAX] = {
		{ .fd = n->parent, .events = POLLIN },
		{ .fd = n->monitor, .events = POLLIN },
		{ .fd = n->probe.pid ? n->probe.fd : -1, .events = POLLIN },
	};

	for (size_t i = 0; i < NICS_MAX; i++)
		p[3 + i] = (struct pollfd){ .fd = n->nics[i].dhcp.pid ? n->nics[i].dhcp.fd : -1,
					    .events = POLLIN };
	if (poll(p, ARRAY_SIZE(p), TICK_MS) <= 0)
		return;
	if (p[1].revents && rtnl_receive(n->monitor, note_message, n) == -ENOBUFS)
		read_all(n);
	if (p[2].revents && n->probe.pid) /* a card that was removed takes its probe with it */
		end_probe(n);
	for (size_t i = 0; i < NICS_MAX; i++)
		if (p[3 + i].revents && n->nics[i].dhcp.pid)
			nic_read_lease(&n->nics[i]);
}

static bool is_stopped(const struct network *n)
{
	struct pollfd p = { .fd = n->parent, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void network_run(const struct network_task *task, int parent)
{
	static struct network n;

	n = (struct network){ .task = task, .parent = parent };
	srand((unsigned)now_usec());
	load_modules(task);
	n.monitor = rtnl_open_monitor(); /* before the first look, so that nothing is missed */
	n.rtnl = rtnl_open();
	if (n.monitor < 0 || n.rtnl < 0) {
		console_log(LOG_WARNING, "the kernel has no network: %s",
			    strerror(n.rtnl < 0 ? -n.rtnl : -n.monitor));
		return;
	}
	(void)rtnl_links(n.rtnl, note_message, &n);
	(void)rtnl_addresses(n.rtnl, note_kernels_address, &n);
	while (!is_stopped(&n)) {
		advance(&n);
		tell(&n);
		wait_for_events(&n);
	}
}
