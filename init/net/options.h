/*
 * What the kernel command line says about the network: ip=, BOOTIF=, nameserver=, vlan=. Pure: texts in, structs out.
 * docs/tarboot.parameters.7 describes them for users.
 */
#pragma once

#include "base/fail.h"
#include "parameters/params.h"
#include "net/config.h"

#define IP_OPTIONS_MAX 8
#define VLANS_MAX 4

enum ip_method {
	IP_AUTO,   /* DHCP, and what IPv6 routers announce */
	IP_AUTO6,  /* only the latter */
	IP_STATIC, /* the address that is given */
	IP_OFF,
};

struct ip_option {
	char device[NET_NAME_MAX]; /* "" = all, or BOOTIF's */
	bool is_bootif;            /* the device is that of BOOTIF= */
	enum ip_method method;
	/* Of IP_STATIC: all; of the others: host name, DNS and MTU, which come first. */
	struct net_config config;
};

struct vlan_option {
	char name[NET_NAME_MAX];
	char parent[NET_NAME_MAX];
	uint16_t id;
};

struct net_options {
	struct ip_option ip[IP_OPTIONS_MAX];
	size_t n_ip; /* 0: as if IP_AUTO for all were given */
	struct vlan_option vlans[VLANS_MAX];
	size_t n_vlans;
	struct net_config dns; /* has only those of nameserver= */
	bool has_bootif;
	uint8_t bootif[6];
};

/* One value of ip=, in the kernel's or dracut's form. 0, or -EINVAL with why and todo of *f, which names no key. */
int ip_option_parse(const char *text, struct ip_option *ret, struct fail *f);

/* One value of vlan=. The same. */
int vlan_option_parse(const char *text, struct vlan_option *ret, struct fail *f);

/* All of them. 0, or -errno with the first key and value in *f that cannot be understood; *ret then has all the others. */
int net_options_read(const struct params *p, struct net_options *ret, struct fail *f);

/* The option for a card, by its name and MAC; NULL: it is not to be configured. */
const struct ip_option *net_options_for(const struct net_options *o, const char *name,
					const uint8_t mac[6]);

/* Is it the MAC of BOOTIF=? */
bool net_options_is_bootif(const struct net_options *o, const uint8_t mac[6]);

/* Is that card a VLAN of ours? Does one lie on top of it? NULL: no. */
const struct vlan_option *net_options_vlan(const struct net_options *o, const char *name);
const struct vlan_option *net_options_vlan_on(const struct net_options *o, const char *parent);
