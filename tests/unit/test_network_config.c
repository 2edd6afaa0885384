/* Configuration of the network: cards and addresses in it. */
#include "root/network_config.h"

#include "tap.h"

#define INTERFACES "etc/network/interfaces"
#define IFCFG "etc/sysconfig/network-scripts/ifcfg-"
#define KEYFILE "etc/NetworkManager/system-connections/a.nmconnection"
#define NETWORKD "etc/systemd/network/10-a.network"
#define LINK "etc/systemd/network/10-a.link"
#define DHCPCD "etc/dhcpcd.conf"
#define NETPLAN "etc/netplan/50-a.yaml"
#define ETHERNETS "network:\n  version: 2\n  ethernets:\n"

static const struct {
	const char *path, *text, *card, *address;
	bool fits, is_any;
} cases[] = {
	{ "etc/passwd", "iface enp1s0 inet dhcp\n", "", "", false, false },

	/* ifupdown */
	{ INTERFACES, "", "", "", false, false },
	{ INTERFACES, "auto lo\niface lo inet loopback\n address 127.0.0.1\n", "", "", false,
	  false },
	{ INTERFACES, "iface lo inet loopback\n address 192.0.2.9/32\n", "", "", false, false },
	{ INTERFACES, "auto enp1s0\niface enp1s0 inet dhcp\n", "enp1s0", "", false, true },
	{ INTERFACES "/x", "iface enp1s0 inet dhcp\n", "", "", false, false },
	{ INTERFACES ".d/x", "iface ens3 inet static\n\taddress 192.0.2.7/24", "ens3", "192.0.2.7",
	  false, true },
	{ INTERFACES, "#iface ens3 inet dhcp\n# address 192.0.2.7\niface eth0 inet dhcp\r\n", "",
	  "", true, true },
	{ INTERFACES, "iface ens3 inet dhcp\niface eth0 inet6 static\naddress 2001:db8::7\n",
	  "ens3", "2001:db8::7", true, true },
	{ INTERFACES, "iface br0 inet static\naddress 192.0.2.7\n", "", "", false, true },
	{ INTERFACES, "iface bond0 inet static\naddress 192.0.2.7\n", "", "192.0.2.7", false,
	  true },
	{ INTERFACES, "iface eth0 inet static\naddress 169.254.1.1\naddress 10.1.2.3\n", "",
	  "10.1.2.3", true, true },
	{ INTERFACES, "address 192.0.2.7\niface", "", "", false, false },

	/* what bridges, bonds and VLANs are made of */
	{ INTERFACES, "iface br0 inet static\naddress 192.0.2.7\nbridge_ports enp1s0\n", "enp1s0",
	  "192.0.2.7", false, true },
	{ INTERFACES, "iface br0 inet dhcp\n\tbridge-ports eth0 tap0\n", "", "", true, true },
	{ INTERFACES, "iface br0 inet static\nbridge_ports none\naddress 192.0.2.7\n", "", "",
	  false, true },
	{ INTERFACES, "iface br0 inet static\nbridge_ports all\naddress 192.0.2.7\n", "",
	  "192.0.2.7", true, true },
	{ INTERFACES, "iface br0 inet dhcp\nbridge_ports regex en.*\n", "en.*", "", false, true },
	{ INTERFACES, "iface bond0 inet dhcp\nbond-slaves eno1 eno2\n", "eno1", "", false, true },
	{ INTERFACES, "iface lan inet static\naddress 192.0.2.7\nvlan-raw-device eth0\n", "",
	  "192.0.2.7", true, true },

	/* cards by pattern */
	{ INTERFACES, "auto lo /en*=lan\niface lan inet dhcp\n", "en*", "", false, true },
	{ INTERFACES, "allow-hotplug /en*\n", "en*", "", false, true },
	{ INTERFACES, "auto /e*=lan\niface lan inet dhcp\n", "", "", true, true },
	{ INTERFACES, "auto /en*/1=lan eth0=lan\niface lan inet dhcp\n", "en*", "", true, true },
	{ INTERFACES, "auto /mac/52:54:00:*=lan\niface lan inet dhcp\n", "", "", false, true },
	{ INTERFACES, "auto enp1s0 / = /=\n", "", "", false, false },

	/* MAC addresses */
	{ INTERFACES,
	  "iface eth0 inet dhcp\nhwaddress random\n#hwaddress ether 52:54:00:12:34:56\n", "", "",
	  true, true },
	{ INTERFACES,
	  "iface lo inet loopback\nhwaddress 52:54:00:12:34:56\niface tap0 inet manual\n"
	  "hwaddress 52:54:00:12:34:56\niface br0 inet manual\nbridge_ports none\n"
	  "hwaddress 52:54:00:12:34:56\n",
	  "", "", false, true },
	{ INTERFACES,
	  "iface eth0 inet dhcp\nup arp -s 192.0.2.1 52:54:00:12:34:56\n"
	  "up ip neigh add 192.0.2.1 lladdr 52:54:00:12:34:56 dev eth0\n",
	  "", "", true, true },

	/* names */
	{ INTERFACES, "iface eno1 inet dhcp", "eno1", "", false, true },
	{ INTERFACES, "iface enx0123456789ab inet dhcp", "enx0123456789ab", "", false, true },
	{ INTERFACES, "iface enP2p1s0 inet dhcp", "enP2p1s0", "", false, true },
	{ INTERFACES, "iface em1 inet dhcp", "em1", "", false, true },
	{ INTERFACES, "iface en inet dhcp", "", "", false, true },
	{ INTERFACES, "iface em inet dhcp", "", "", false, true },
	{ INTERFACES, "iface ens inet dhcp", "", "", false, true },
	{ INTERFACES, "iface enigma inet dhcp", "", "", false, true },
	{ INTERFACES, "iface lan0 inet dhcp", "", "", false, true },

	/* ifcfg files */
	{ IFCFG "enp1s0", "BOOTPROTO=dhcp\n", "enp1s0", "", false, true },
	{ IFCFG "lo", "DEVICE=lo\nIPADDR=127.0.0.1\n", "", "", false, false },
	{ IFCFG "a", "IPADDR='192.0.2.7'\nDEVICE=\"eth0\"\n", "", "192.0.2.7", true, true },
	{ IFCFG "a", "#DEVICE=ens3\nDEVICE=br0\nIPADDR0=192.0.2.7\n", "", "", false, true },
	{ IFCFG "eth0", "IPADDR=\nIPADDR\n=\nDEVICE=\n", "", "", true, true },

	/* NetworkManager */
	{ KEYFILE, "[connection]\ntype=ethernet\n[ipv4]\nmethod=auto\n", "", "", true, true },
	{ KEYFILE, "[connection]\ntype=ethernet\ninterface-name=enp1s0\n", "enp1s0", "", false,
	  true },
	{ KEYFILE, "[connection]\ntype=802-3-ethernet\n[ipv4]\naddress1=192.0.2.7/24,192.0.2.1\n",
	  "", "192.0.2.7", true, true },
	{ KEYFILE,
	  "[connection]\ntype=bridge\ninterface-name=virbr0\n[ipv4]\naddress1=192.0.2.7/24\n", "",
	  "", false, true },
	{ KEYFILE, "[match]\ninterface-name=!lo;en*;\n", "en*", "", true, true },
	{ KEYFILE, "[connection]\ntype=wifi\n[ipv4]\naddress1=192.0.2.7/24\n", "", "", false,
	  true },

	/* systemd */
	{ NETWORKD, "[Match]\nName=en*\n[Network]\nDHCP=yes\n", "en*", "", false, true },
	{ NETWORKD, "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n", "en*", "", true, true },
	{ NETWORKD, "[Match]\nName=e*\n[Network]\nAddress=192.0.2.7/24\n", "", "192.0.2.7", true,
	  true },
	{ NETWORKD, "[Match]\nType=ether\n[Address]\nAddress = 2001:db8::7/64\n", "", "2001:db8::7",
	  true, true },
	{ NETWORKD,
	  "[Match]\nName=ens3\n[Network]\nAddress=0.0.0.0/24\n[Neighbor]\nAddress=192.0.2.7\n",
	  "ens3", "", false, true },
	{ NETWORKD, "[Match]\nDriver=virtio_net\n[Network]\nDHCP=yes\n", "", "", true, true },
	{ NETWORKD, "[Match]\nName=br0\n[Network]\nAddress=192.0.2.7/24\n", "", "", false, true },
	{ LINK, "[Match]\nName=ens3\n", "", "", false, false },
	{ LINK, "[Match]\nPath=pci-0000:00:1f.6\n[Link]\nWakeOnLan=magic\n", "", "", false, false },
	{ LINK, "[Match]\nPath=pci-*\n[Link]\nName=lan0\n", "", "", false, false },
	{ LINK, "[Match]\nDriver=e1000e\n[Link]\nName=lan0\n", "", "", false, false },

	/* dhcpcd */
	{ DHCPCD, "#interface eth0\n#static ip_address=192.0.2.7/24\nhostname\n", "", "", false,
	  false },
	{ DHCPCD, "interface eth0\nstatic ip_address=192.0.2.7/24\nstatic routers=192.0.2.1\n", "",
	  "192.0.2.7", false, false },
	{ DHCPCD, "interface enp1s0\nstatic ip6_address=2001:db8::7/64\n", "", "2001:db8::7", false,
	  false },
	{ DHCPCD, "static domain_name_servers=192.0.2.1\nstatic ip_address=192.0.2.7/24\n", "",
	  "192.0.2.7", false, false },
	{ DHCPCD,
	  "profile fixed\nstatic ip_address=192.0.2.7/24\ninterface wlan0\n"
	  "static ip_address=192.0.2.8/24\ninterface eth0\nfallback fixed\n",
	  "", "", false, false },

	/* netplan */
	{ NETPLAN, "network:\n  version: 2\n  renderer: NetworkManager\n", "", "", false, false },
	{ NETPLAN, ETHERNETS "    enp1s0:\n      dhcp4: true\n", "enp1s0", "", false, true },
	{ NETPLAN, ETHERNETS "    \"ens3\": {dhcp4: true}\n", "ens3", "", false, true },
	{ NETPLAN, "network:\n ethernets: {ens3: {dhcp4: true}}\n", "ens3", "", false, true },
	{ NETPLAN, "network:\n ethernets: {ens3: {match: {name: \"e*\"}, dhcp4: true}}\n", "", "",
	  true, true },
	{ NETPLAN,
	  ETHERNETS "    ens3:\n      match:\n        driver: virtio_net\n      dhcp4: true\n", "",
	  "", true, true },
	{ NETPLAN, ETHERNETS "    ens3:\n      addresses: [ \"192.0.2.7/24\", 192.0.2.8/24 ]\n",
	  "ens3", "192.0.2.7", false, true },
	{ NETPLAN,
	  ETHERNETS
	  "    eth0:\n      nameservers:\n        addresses: [192.0.2.1]\n      addresses:\n      "
	  "# x\n      - 127.0.0.2/8\n      - 192.0.2.7/24:\n          lifetime: 0\n",
	  "", "192.0.2.7", true, true },
	{ NETPLAN,
	  ETHERNETS "    eth0:\n      dhcp4: true\n      nameservers:\n        addresses:\n        "
		    "- 192.0.2.1\n      routes:\n      - to: default\n        via: 192.0.2.1\n",
	  "", "", true, true },
	{ NETPLAN,
	  ETHERNETS "    eth0: {}\n  bonds:\n    bond0:\n      interfaces: [eth0]\n      "
		    "addresses: [192.0.2.7/24]\n",
	  "", "192.0.2.7", true, true },
	{ NETPLAN,
	  ETHERNETS "    eth0: {}\n  bridges:\n    br0:\n      addresses: [192.0.2.7/24]\n", "", "",
	  true, true },
	{ NETPLAN, "ethernets:\n:\n  :\n   - :\n -\n\"\n'", "", "", false, false },
	{ NETPLAN, ETHERNETS "    lan:\n      match:\n        name: \"en*\"\n      dhcp4: true\n",
	  "en*", "", false, true },
	{ NETPLAN,
	  ETHERNETS
	  "    lan:\n      match:\n        name: [\"en*\", \"eth*\"]\n      dhcp4: true\n",
	  "", "", true, true },
	{ NETPLAN,
	  ETHERNETS "    eth0: {}\n  bridges:\n    br0:\n      interfaces: [eth0]\n      "
		    "addresses: # ours\n      - 192.0.2.7/24\n",
	  "", "192.0.2.7", true, true },
	{ NETPLAN,
	  ETHERNETS
	  "    eth0: {}\n  vlans:\n    v5: {id: 5, addresses: [192.0.2.7/24], link: eth0}\n",
	  "", "192.0.2.7", true, true },

	/* netplan in braces */
	{ NETPLAN, "network: {version: 2, ethernets: {ens3: {dhcp4: true}}}\n", "ens3", "", false,
	  true },
	{ NETPLAN, "network: {version: 2, ethernets: {eth0: {addresses: [10.0.0.5/24]}}}", "",
	  "10.0.0.5", true, true },
	{ NETPLAN,
	  "{\"network\": {\"version\": 2,\n \"ethernets\": {\"eth0\": {\"nameservers\": "
	  "{\"addresses\": [\"192.0.2.1\"]},\n  \"addresses\": [{\"192.0.2.7/24\": "
	  "{\"lifetime\": 0}}, \"192.0.2.8/24\"]}}}}\n",
	  "", "192.0.2.7", true, true },
	{ NETPLAN,
	  "network:\n  ethernets: {eth0: {match: {driver: virtio_net}, dhcp4: true}, # {ens5:\n"
	  "    'ens3': {dhcp4: true}}\n  bridges:\n    br0: {addresses: [192.0.2.7/24]}\n",
	  "ens3", "", true, true },
	{ NETPLAN,
	  "network: {ethernets: {lan: {match: {name: en*}, routes: [{to: x}], set-name: l}}}",
	  "en*", "", false, true },
	{ NETPLAN,
	  "network: {ethernets: {}, bridges: {br0: {interfaces: [], addresses: [1.2.3.4/8]}}}", "",
	  "", false, true },
	{ NETPLAN, "network: {ethernets: {ens3: {addresses: [192.0.2.7", "ens3", "192.0.2.7", false,
	  true },
	{ NETPLAN, "{{{[[}}}}}]:{,:\n{\n\"{", "", "", false, false },
};

/* MAC addresses, and cards that are known by their place: the cases above have none. */
static const struct {
	const char *path, *text, *mac, *place;
} bound[] = {
	{ INTERFACES, "iface eth0 inet dhcp\n  hwaddress ether 52:54:00:12:34:56\n",
	  "52:54:00:12:34:56", "" },
	{ INTERFACES, "iface lan0 inet dhcp\nhwaddress 52:54:00:12:34:56", "52:54:00:12:34:56",
	  "" },
	{ INTERFACES, "iface br0 inet dhcp\nbridge_ports eth0\nbridge_hw 52:54:00:12:34:56\n",
	  "52:54:00:12:34:56", "" },
	{ INTERFACES,
	  "iface eth0 inet dhcp\npre-up ip link set dev eth0 address 52:54:00:12:34:56\n",
	  "52:54:00:12:34:56", "" },
	{ INTERFACES, "iface eth0 inet dhcp\nup ifconfig eth0 hw ether 52:54:00:12:34:56\n",
	  "52:54:00:12:34:56", "" },
	{ LINK, "[Match]\nPath=pci-0000:00:1f.6\n[Link]\nName=lan0\n", "", "pci-0000:00:1f.6" },
};

static void is_field(struct field f, const char *want, const char *what, const char *path, size_t i)
{
	char text[128];

	snprintf(text, sizeof(text), "%.*s", (int)f.size, f.size ? f.at : "");
	is_str(text, want, "case %zu: %s of %s", i, what, path);
}

static void test_cases(void)
{
	struct network_config c;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *path = cases[i].path;

		network_config_read(path, cases[i].text, strlen(cases[i].text), &c);
		is_field(c.card, cases[i].card, "card", path, i);
		is_field(c.address, cases[i].address, "address", path, i);
		is_field(c.mac, "", "MAC address", path, i);
		is_field(c.place, "", "place", path, i);
		is_int(c.fits, cases[i].fits, "case %zu: fits", i);
		is_int(c.is_any, cases[i].is_any, "case %zu: is any", i);
	}
}

static void test_bound(void)
{
	struct network_config c;

	for (size_t i = 0; i < ARRAY_SIZE(bound); i++) {
		network_config_read(bound[i].path, bound[i].text, strlen(bound[i].text), &c);
		is_field(c.mac, bound[i].mac, "MAC address", bound[i].path, i);
		is_field(c.place, bound[i].place, "place", bound[i].path, i);
	}
}

int main(void)
{
	test_cases();
	test_bound();
	ok(!network_config_is("etc/netplan/README") && network_config_is("etc/netplan/a.yaml"),
	   "a file is known by its path");
	ok(!network_config_is(LINK) && network_config_is_link(LINK) &&
		   !network_config_is_link(NETWORKD),
	   "and so is one that gives names");
	return done_testing();
}
