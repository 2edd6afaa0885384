/* Messages of rtnetlink, put together and taken apart. */
#include "net/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/util.h"

#define ANSWER_MAX 32768
#define FLUSH_MAX 64 /* addresses or routes removed with one dump */
#define FLUSH_ROUNDS 8
#define RDNSS 25 /* ND option of RFC 8106 */

struct request {
	struct nlmsghdr h;
	char bytes[512]; /* the fixed part, then attributes */
};

static uint32_t sequence;

/* ---- requests ---- */

/* The fixed part of the message, of that size, behind its header. */
static void *request_start(struct request *r, uint16_t type, uint16_t flags, size_t size)
{
	memset(r, 0, sizeof(*r));
	r->h = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
				  .nlmsg_type = type,
				  .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
				  .nlmsg_seq = ++sequence };
	return r->bytes;
}

/* Adds an attribute; there is room for all that this file adds. */
static struct rtattr *request_add(struct request *r, unsigned short type, const void *data,
				  size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	r->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
	return a;
}

/* Attributes that were added since belong into it. */
static void request_close(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((char *)r + r->h.nlmsg_len - (char *)nest);
}

static int error_in(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) ? -EBADMSG : e->error;
}

/* Reads the answer to a request, whose data go to fn. 0 or -errno. */
static int read_answer(int fd, uint32_t number, rtnl_fn *fn, void *arg)
{
	static char buffer[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t n;

	for (;;) {
		n = recv(fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, (size_t)n);
		     h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_seq != number)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return error_in(h);
			if (fn)
				fn(h, arg);
		}
	}
}

static int request_send(int fd, const struct request *r, rtnl_fn *fn, void *arg)
{
	if (send(fd, r, r->h.nlmsg_len, MSG_NOSIGNAL) < 0)
		return -errno;
	return read_answer(fd, r->h.nlmsg_seq, fn, arg);
}

/* ---- sockets ---- */

static int open_socket(int flags, unsigned groups)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	const struct timeval patience = { .tv_sec = 10 }; /* a driver may load its firmware */
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int rtnl_open(void)
{
	return open_socket(0, 0);
}

int rtnl_open_monitor(void)
{
	return open_socket(SOCK_NONBLOCK,
			   RTMGRP_LINK | RTMGRP_IPV6_IFADDR | 1U << (RTNLGRP_ND_USEROPT - 1));
}

int rtnl_receive(int monitor, rtnl_fn *fn, void *arg)
{
	static char buffer[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t n;

	while ((n = recv(monitor, buffer, sizeof(buffer), 0)) > 0)
		for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, (size_t)n);
		     h = NLMSG_NEXT(h, n))
			fn(h, arg);
	return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

/* ---- messages ---- */

/* The attributes behind the fixed part. */
#define for_each_attribute(a, left, h, fixed)                                                     \
	for ((left) = (int)(h)->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*(fixed))),                  \
	    (a) = (const struct rtattr *)((const char *)(fixed) + NLMSG_ALIGN(sizeof(*(fixed)))); \
	     RTA_OK(a, left); (a) = RTA_NEXT(a, left))

static void copy_text(char *ret, size_t size, const struct rtattr *a)
{
	size_t n = strnlen(RTA_DATA(a), RTA_PAYLOAD(a));

	if (n < size) {
		memcpy(ret, RTA_DATA(a), n);
		ret[n] = '\0';
	}
}

static void parse_link_info(const struct rtattr *info, struct rtnl_link *ret)
{
	int left = (int)RTA_PAYLOAD(info);

	for (const struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			copy_text(ret->kind, sizeof(ret->kind), a);
}

bool rtnl_parse_link(const struct nlmsghdr *h, struct rtnl_link *ret)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	const struct rtattr *a;
	int left;

	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*i)) || i->ifi_family != AF_UNSPEC)
		return false;
	*ret = (struct rtnl_link){ .index = i->ifi_index,
				   .type = i->ifi_type,
				   .flags = i->ifi_flags,
				   .is_removed = h->nlmsg_type == RTM_DELLINK };
	for_each_attribute(a, left, h, i)
	{
		if (a->rta_type == IFLA_IFNAME)
			copy_text(ret->name, sizeof(ret->name), a);
		else if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == sizeof(ret->mac))
			memcpy(ret->mac, RTA_DATA(a), sizeof(ret->mac));
		else if (a->rta_type == IFLA_MTU && RTA_PAYLOAD(a) >= sizeof(ret->mtu))
			memcpy(&ret->mtu, RTA_DATA(a), sizeof(ret->mtu));
		else if (a->rta_type == IFLA_LINKINFO)
			parse_link_info(a, ret);
	}
	return *ret->name;
}

static size_t bytes_of(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

bool rtnl_parse_address(const struct nlmsghdr *h, int *ret_index, struct net_address *ret,
			unsigned *ret_flags)
{
	const struct ifaddrmsg *i = NLMSG_DATA(h);
	const struct rtattr *a;
	int left;

	if ((h->nlmsg_type != RTM_NEWADDR && h->nlmsg_type != RTM_DELADDR) ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*i)) ||
	    (i->ifa_family != AF_INET && i->ifa_family != AF_INET6))
		return false;
	*ret = (struct net_address){ .family = i->ifa_family, .prefix = i->ifa_prefixlen };
	*ret_index = (int)i->ifa_index;
	*ret_flags = i->ifa_flags;
	for_each_attribute(a, left, h, i) if (RTA_PAYLOAD(a) == bytes_of(i->ifa_family) &&
					      (a->rta_type == IFA_LOCAL ||
					       (a->rta_type == IFA_ADDRESS &&
						is_zero(ret->bytes, sizeof(ret->bytes)))))
		memcpy(ret->bytes, RTA_DATA(a), RTA_PAYLOAD(a));
	return true;
}

/* Option 25 of a router advertisement: type, length in units of 8 bytes, reserved, lifetime, addresses. */
bool rtnl_parse_dns(const struct nlmsghdr *h, int *ret_index, struct net_config *c)
{
	const struct nduseroptmsg *m = NLMSG_DATA(h);
	const uint8_t *option = (const uint8_t *)(m + 1);
	struct net_address a = { .family = AF_INET6, .prefix = 128 };

	if (h->nlmsg_type != RTM_NEWNDUSEROPT || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) + 8 ||
	    m->nduseropt_family != AF_INET6 || option[0] != RDNSS ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) + 8U * option[1])
		return false;
	*ret_index = m->nduseropt_ifindex;
	for (size_t at = 8; at + sizeof(a.bytes) <= 8U * option[1]; at += sizeof(a.bytes)) {
		memcpy(a.bytes, option + at, sizeof(a.bytes));
		if (net_address_is_host(&a))
			net_config_add_dns(c, &a);
	}
	return true;
}

/* ---- what is there ---- */

static int dump(int fd, uint16_t type, uint8_t family, rtnl_fn *fn, void *arg)
{
	struct request r;
	struct rtgenmsg *m = request_start(&r, type, NLM_F_DUMP, sizeof(struct ifinfomsg));

	m->rtgen_family = family;
	return request_send(fd, &r, fn, arg);
}

int rtnl_links(int fd, rtnl_fn *fn, void *arg)
{
	return dump(fd, RTM_GETLINK, AF_UNSPEC, fn, arg);
}

int rtnl_addresses(int fd, rtnl_fn *fn, void *arg)
{
	return dump(fd, RTM_GETADDR, AF_UNSPEC, fn, arg);
}

/* ---- links ---- */

static int change_link(int fd, int index, unsigned flags, const unsigned *mtu)
{
	struct request r;
	struct ifinfomsg *i = request_start(&r, RTM_NEWLINK, NLM_F_ACK, sizeof(*i));

	i->ifi_index = index;
	i->ifi_flags = flags;
	i->ifi_change = mtu ? 0 : IFF_UP;
	if (mtu)
		request_add(&r, IFLA_MTU, mtu, sizeof(*mtu));
	return request_send(fd, &r, NULL, NULL);
}

int rtnl_set_up(int fd, int index, bool is_up)
{
	return change_link(fd, index, is_up ? IFF_UP : 0, NULL);
}

int rtnl_set_mtu(int fd, int index, unsigned mtu)
{
	return change_link(fd, index, 0, &mtu);
}

int rtnl_add_vlan(int fd, const char *name, int parent, uint16_t id)
{
	struct request r;
	struct rtattr *info, *data;

	(void)request_start(&r, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
			    sizeof(struct ifinfomsg));
	request_add(&r, IFLA_IFNAME, name, strlen(name) + 1);
	request_add(&r, IFLA_LINK, &parent, sizeof(parent));
	info = request_add(&r, IFLA_LINKINFO, NULL, 0);
	request_add(&r, IFLA_INFO_KIND, "vlan", 4);
	data = request_add(&r, IFLA_INFO_DATA, NULL, 0);
	request_add(&r, IFLA_VLAN_ID, &id, sizeof(id));
	request_close(&r, data);
	request_close(&r, info);
	return request_send(fd, &r, NULL, NULL);
}

int rtnl_delete_link(int fd, int index)
{
	struct request r;
	struct ifinfomsg *i = request_start(&r, RTM_DELLINK, NLM_F_ACK, sizeof(*i));

	i->ifi_index = index;
	return request_send(fd, &r, NULL, NULL);
}

/* ---- addresses and routes ---- */

/* `ip address add A/PREFIX broadcast + dev INDEX` */
int rtnl_add_address(int fd, int index, const struct net_address *a)
{
	struct request r;
	struct ifaddrmsg *i = request_start(&r, RTM_NEWADDR,
					    NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof(*i));
	uint32_t broadcast;

	i->ifa_family = a->family;
	i->ifa_prefixlen = a->prefix;
	i->ifa_index = (unsigned)index;
	if (a->family == AF_INET6)
		i->ifa_flags = IFA_F_NODAD; /* who wrote it down vouches for it */
	request_add(&r, IFA_LOCAL, a->bytes, bytes_of(a->family));
	request_add(&r, IFA_ADDRESS, a->bytes, bytes_of(a->family));
	if (a->family == AF_INET && a->prefix < 31) {
		memcpy(&broadcast, a->bytes, sizeof(broadcast));
		broadcast |= htonl(0xffffffff >> a->prefix);
		request_add(&r, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	}
	return request_send(fd, &r, NULL, NULL);
}

/* `ip route add TO [via GATEWAY] dev INDEX [onlink]` */
int rtnl_add_route(int fd, int index, const struct net_route *route, bool is_on_link)
{
	struct request r;
	struct rtmsg *m = request_start(&r, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
					sizeof(*m));
	uint8_t family = route->to.family;
	bool has_gateway = route->gateway.family != 0;

	m->rtm_family = family;
	m->rtm_dst_len = route->to.prefix;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = has_gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	m->rtm_type = RTN_UNICAST;
	m->rtm_flags = has_gateway && is_on_link ? RTNH_F_ONLINK : 0;
	if (route->to.prefix > 0)
		request_add(&r, RTA_DST, route->to.bytes, bytes_of(family));
	if (has_gateway)
		request_add(&r, RTA_GATEWAY, route->gateway.bytes, bytes_of(family));
	request_add(&r, RTA_OIF, &index, sizeof(index));
	return request_send(fd, &r, NULL, NULL);
}

/* ---- removing them ---- */

struct flush {
	int index;
	size_t n;
	struct request requests[FLUSH_MAX]; /* what a dump showed, as requests to delete it */
};

static void note_for_deletion(struct flush *f, const struct nlmsghdr *h, uint16_t type)
{
	struct request *r = &f->requests[f->n];

	if (f->n == FLUSH_MAX || h->nlmsg_len > sizeof(*r))
		return;
	memcpy(r, h, h->nlmsg_len);
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	f->n++;
}

static void note_address(const struct nlmsghdr *h, void *arg)
{
	struct flush *f = arg;
	struct net_address a;
	unsigned flags;
	int index;

	if (rtnl_parse_address(h, &index, &a, &flags) && index == f->index)
		note_for_deletion(f, h, RTM_DELADDR);
}

/* The kernel's own routes of IPv6, in other tables, go with the link. */
static void note_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	struct flush *f = arg;
	const struct rtattr *a;
	int left, index = 0;

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
	    m->rtm_table != RT_TABLE_MAIN || (m->rtm_flags & RTM_F_CLONED))
		return;
	for_each_attribute(a, left, h,
			   m) if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == sizeof(index))
		memcpy(&index, RTA_DATA(a), sizeof(index));
	if (index == f->index)
		note_for_deletion(f, h, RTM_DELROUTE);
}

/* Deletes all that a dump shows of the link, and looks again until nothing is left. */
static int flush(int fd, int index, uint16_t type, uint8_t family, rtnl_fn *note)
{
	static struct flush f;
	int r = 0;

	for (int round = 0; round < FLUSH_ROUNDS; round++) {
		f.index = index;
		f.n = 0;
		r = dump(fd, type, family, note, &f);
		if (r < 0 || f.n == 0)
			return r;
		for (size_t i = 0; i < f.n; i++) {
			f.requests[i].h.nlmsg_seq = ++sequence;
			r = request_send(fd, &f.requests[i], NULL, NULL);
		}
	}
	return r;
}

int rtnl_flush(int fd, int index, uint8_t family)
{
	int routes = flush(fd, index, RTM_GETROUTE, family, note_route);
	int addresses = flush(fd, index, RTM_GETADDR, family, note_address);

	return routes < 0 ? routes : addresses;
}
