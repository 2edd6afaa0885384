/* ip=, vlan=, nameserver=, BOOTIF=: the kernel's and dracut's forms, what boot loaders leave empty, and what is none. */
#include "net/options.h"

#include <errno.h>

#include "tap.h"

#define ADD(...) n += snprintf(text + n, sizeof(text) - (size_t)n, __VA_ARGS__)

static const char *describe_config(const struct net_config *c)
{
	static char text[512];
	char a[NET_ADDRESS_TEXT_MAX];
	int n = 0;

	text[0] = '\0';
	if (c->address.family)
		ADD(" %s", net_address_format(&c->address, a));
	for (size_t i = 0; i < c->n_routes; i++)
		ADD(" via %s", net_address_format(&c->routes[i].gateway, a));
	for (size_t i = 0; i < c->n_dns; i++)
		ADD(" dns %s", net_address_format(&c->dns[i], a));
	if (*c->hostname)
		ADD(" host %s", c->hostname);
	if (c->mtu)
		ADD(" mtu %u", c->mtu);
	return text;
}

static const char *describe(const struct ip_option *o)
{
	static const char *const methods[] = { "auto", "auto6", "static", "off" };
	static char text[640];
	int n = 0;

	ADD("%s%s%s%s",
	    *o->device     ? o->device
	    : o->is_bootif ? "BOOTIF"
			   : "all",
	    " ", methods[o->method], describe_config(&o->config));
	return text;
}

static const struct {
	const char *value, *want;
} good[] = {
	/* a word */
	{ "dhcp", "all auto" },
	{ "on", "all auto" },
	{ "any", "all auto" },
	{ "auto6", "all auto6" },
	{ "off", "all off" },
	{ "none", "all off" },

	/* the kernel's form */
	{ "10.0.0.5::10.0.0.1:255.255.255.0:host:eth0:none",
	  "eth0 static 10.0.0.5/24 via 10.0.0.1 host host" },
	{ "10.0.0.5:10.0.0.9:10.0.0.1:255.255.0.0::eth1:off:10.0.0.2:10.0.0.3:10.0.0.4",
	  "eth1 static 10.0.0.5/16 via 10.0.0.1 dns 10.0.0.2 dns 10.0.0.3" },
	{ "10.0.0.5", "all static 10.0.0.5/8" },
	{ "172.16.0.5", "all static 172.16.0.5/16" },
	{ "192.168.0.5:::", "all static 192.168.0.5/24" },
	{ "192.168.0.5::192.168.0.1:25", "all static 192.168.0.5/25 via 192.168.0.1" },
	{ "192.168.0.5/20::192.168.0.1", "all static 192.168.0.5/20 via 192.168.0.1" },
	{ "::::host:eth0:dhcp", "eth0 auto host host" },
	{ "::::pc-1::dhcp", "all auto host pc-1" },
	{ "::::no name::dhcp", "all auto" },
	{ "::::no%20name%20tarboot.shell%3Dstart::dhcp", "all auto" },
	{ "::::.x::dhcp", "all auto" },
	{ ":::::eth0:dhcp:10.0.0.2", "eth0 auto dns 10.0.0.2" },
	{ "10.0.0.5:::::eth0:dhcp", "eth0 auto" },
	{ ":::::eth0:any", "eth0 auto" },
	{ "10.0.0.5::0.0.0.0:255.255.255.0::eth0:none:0.0.0.0", "eth0 static 10.0.0.5/24" },
	{ "10.0.0.5::10.0.0.1:255.255.255.255::eth0:none", "eth0 static 10.0.0.5 via 10.0.0.1" },

	/* as iPXE writes it, with all that it knows, without DNS, and without anything */
	{ "10.0.0.5::10.0.0.1:255.255.255.0:pc1::none:10.0.0.2",
	  "all static 10.0.0.5/24 via 10.0.0.1 dns 10.0.0.2 host pc1" },
	{ "10.0.0.5::10.0.0.1:255.255.255.0:::none:", "all static 10.0.0.5/24 via 10.0.0.1" },
	{ "10.0.0.5::10.0.0.1:255.255.255.0:x%20y%22::none:10.0.0.2",
	  "all static 10.0.0.5/24 via 10.0.0.1 dns 10.0.0.2" },
	{ "::::::none:", "all auto" },
	{ "0.0.0.0::::::none", "all auto" },

	/* IPv6, in brackets */
	{ "[2001:db8::5]::[2001:db8::1]:64::eth0:none:[2001:db8::2]",
	  "eth0 static 2001:db8::5/64 via 2001:db8::1 dns 2001:db8::2" },
	{ "[2001:db8::5]", "all static 2001:db8::5/64" },

	/* dracut's form */
	{ "eth0:dhcp", "eth0 auto" },
	{ "eth0:dhcp:1400", "eth0 auto mtu 1400" },
	{ "eth0:dhcp:1400:52:54:00:12:34:56", "eth0 auto mtu 1400" },
	{ "enp0s3:auto6", "enp0s3 auto6" },
	{ "eth0.5:on", "eth0.5 auto" },
	{ "BOOTIF:dhcp", "BOOTIF auto" },
	{ "bootif:dhcp", "BOOTIF auto" },
	{ "10.0.0.5::10.0.0.1:24:host:eth0:none:1400",
	  "eth0 static 10.0.0.5/24 via 10.0.0.1 host host mtu 1400" },
	{ "10.0.0.5::10.0.0.1:24:host:eth0:none:1400:52:54:00:12:34:56",
	  "eth0 static 10.0.0.5/24 via 10.0.0.1 host host mtu 1400" },
	{ "10.0.0.5::10.0.0.1:24:host:eth0:none::52:54:00:12:34:56",
	  "eth0 static 10.0.0.5/24 via 10.0.0.1 host host" },
};

static const struct {
	const char *key, *value, *why;
} bad[] = {
	{ "ip", "ibft", "\"ibft\" is no way to get an address that tarboot knows" },
	{ "ip", "eth0:dhcp6", "\"dhcp6\" is no way to get an address that tarboot knows" },
	{ "ip", "10.0.0.5::::::rarp", "\"rarp\" is no way to get an address that tarboot knows" },
	{ "ip", "10.0.0.5::10.0.0.256:24::eth0:none",
	  "\"10.0.0.256\" cannot be the address of a gateway" },
	{ "ip", "224.0.0.1::10.0.0.1:24::eth0:none",
	  "\"224.0.0.1\" cannot be the address of this machine" },
	{ "ip", "10.0.0.5:::255.0.255.0", "\"255.0.255.0\" is no netmask" },
	{ "ip", "10.0.0.5:::33", "\"33\" is no netmask" },
	{ "ip", "10.0.0.5:::0", "\"0\" is no netmask" },
	{ "ip", "10.0.0.5/0::", "\"0\" is no netmask" },
	{ "ip", "10.0.0.5:::24::a_very_long_name_x:none",
	  "\"a_very_long_name_x\" can be the name of no network card" },
	{ "ip", "eth/0:dhcp", "\"eth/0\" can be the name of no network card" },
	{ "ip", "eth0:dhcp:20", "\"20\" is no MTU" },
	{ "ip", "eth0:dhcp:9999999", "\"9999999\" is no MTU" },
	{ "ip", "10.0.0.5:::24::eth0:none:x.y", "\"x.y\" cannot be the address of a DNS server" },
	{ "ip", ":::::::::::::::::", "it has too many fields" },
	{ "vlan", "vlan5", "it must be NAME:DEVICE" },
	{ "vlan", "vlan5:", "its name must end in the number of a VLAN, 1 to 4094" },
	{ "vlan", "vlan:eth0", "its name must end in the number of a VLAN, 1 to 4094" },
	{ "vlan", "vlan0:eth0", "its name must end in the number of a VLAN, 1 to 4094" },
	{ "vlan", "vlan4095:eth0", "its name must end in the number of a VLAN, 1 to 4094" },
	{ "vlan", "v99999999999:eth0", "its name must end in the number of a VLAN, 1 to 4094" },
	{ "nameserver", "ns.example.org", "it must be the IP address of a DNS server" },
	{ "BOOTIF", "01-52-54-00-12-34", "it must be the MAC address of an Ethernet card" },
	{ "BOOTIF", "01-52-54-00-12-34-5g", "it must be the MAC address of an Ethernet card" },
};

static int read_options(const char *cmdline, struct net_options *o, struct fail *f)
{
	static struct params p;

	*f = (struct fail){ 0 };
	if (params_parse(cmdline, &p, f) < 0)
		return -EIO; /* such values must not stop other boots */
	return net_options_read(&p, o, f);
}

static void test_ip(void)
{
	struct ip_option o;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		f = (struct fail){ 0 };
		memset(&o, 0x5a, sizeof(o));
		if (ip_option_parse(good[i].value, &o, &f) < 0)
			ok(false, "ip=%s is refused: %s", good[i].value, f.why);
		else
			is_str(describe(&o), good[i].want, "ip=%s", good[i].value);
	}
}

static void test_bad(void)
{
	static struct net_options o;
	char cmdline[256], what[256];
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(cmdline, sizeof(cmdline), "quiet %s=%s debug", bad[i].key, bad[i].value);
		snprintf(what, sizeof(what), "kernel parameter %s=%s", bad[i].key, bad[i].value);
		is_int(read_options(cmdline, &o, &f), -EINVAL, "%s is refused", cmdline);
		is_str(f.what, what, "naming it");
		is_str(f.why, bad[i].why, "and why");
		ok(*f.todo, "and what to do: %s", f.todo);
	}
}

static void test_too_many(void)
{
	static struct net_options o;
	char cmdline[1024] = "";
	struct fail f;

	for (size_t i = 0; i < 60; i++)
		strcat(cmdline, "vlan=v5:e ");
	is_int(read_options(cmdline, &o, &f), -EINVAL, "60 VLANs");
	is_str(f.why, "there are more than 4", "are too many");
	for (size_t i = 0; i < 60; i++)
		memcpy(cmdline + 10 * i, "ip=e99:on ", 10);
	is_int(read_options(cmdline, &o, &f), -EINVAL, "60 addresses");
	is_str(f.why, "there are more than 8", "are too many");
	for (size_t i = 0; i < 20; i++)
		memcpy(cmdline + 39 * i, "nameserver=1000:2000:3000:4000:5000::6 ", 39);
	is_int(read_options(cmdline, &o, &f), -E2BIG, "more bytes than there is room for");
	is_str(f.what, "kernel parameter nameserver", "are named");
}

/* What is wrong is told, the first of it, and hides nothing of what is right. */
static void test_bad_beside_good(void)
{
	static struct net_options o;
	char cmdline[2048] = "BOOTIF=01-52-54-00-12-34-56 ";
	struct fail f;
	char mac[18];

	is_int(read_options("BOOTIF=01-52-54-00-12-34-56 nameserver=dns nameserver=10.0.0.1 vlan=5 "
			    "vlan=vlan5:eth0 ip=rubbish ip=::::pc-1::dhcp",
			    &o, &f),
	       -EINVAL, "wrong values, and right ones behind them");
	is_str(f.what, "kernel parameter ip=rubbish", "the first is told");
	is_str(f.why, "\"rubbish\" is no way to get an address that tarboot knows", "and why");
	is_int((long)o.n_ip, 1, "one ip= is right");
	is_str(describe(&o.ip[0]), "all auto host pc-1", "with the host name");
	is_int((long)o.n_vlans, 1, "one VLAN is");
	is_str(describe_config(&o.dns), " dns 10.0.0.1", "one name server is");
	ok(o.has_bootif, "BOOTIF is");
	is_str(net_mac_format(o.bootif, mac), "52:54:00:12:34:56", "with its MAC");

	is_int(read_options("BOOTIF=01-52-54-00-12-34-56 BOOTIF=01-01-00-5e-00-00-01", &o, &f),
	       -EINVAL, "a BOOTIF of a group");
	is_str(net_mac_format(o.bootif, mac), "52:54:00:12:34:56", "takes nothing from another");

	for (size_t i = 0; i < 40; i++)
		strcat(cmdline, "nameserver=192.168.100.10 ");
	is_int(read_options(cmdline, &o, &f), -E2BIG, "more name servers than there is room for");
	ok(o.has_bootif, "do not hide BOOTIF either");
}

/* Which option a card gets: "card mac: what". */
static void gets(const char *cmdline, const char *name, const char *mac, const char *want)
{
	static struct net_options o;
	const struct ip_option *ip;
	uint8_t bytes[6];
	struct fail f;

	if (read_options(cmdline, &o, &f) < 0 || !net_mac_parse(mac, bytes)) {
		ok(false, "[%s]: %s: %s", cmdline, f.what, f.why);
		return;
	}
	ip = net_options_for(&o, name, bytes);
	is_str(ip ? describe(ip) : "nothing", want, "[%s]: %s (%s)", cmdline, name, mac);
}

#define MAC_0 "52:54:00:00:00:01"
#define MAC_1 "52:54:00:00:00:02"

static void test_which_card(void)
{
	static const char *const ipxe =
		"ip=10.0.0.5::10.0.0.1:24:::none BOOTIF=01-52-54-00-00-00-02";

	gets("", "eth0", MAC_0, "all auto");
	gets("ip=dhcp", "eth0", MAC_0, "all auto");
	gets("ip=off", "eth0", MAC_0, "all off");
	gets("ip=eth1:dhcp", "eth0", MAC_0, "nothing");
	gets("ip=eth1:dhcp", "eth1", MAC_1, "eth1 auto");
	gets("ip=eth1:dhcp ip=dhcp", "eth0", MAC_0, "all auto");
	gets("ip=dhcp ip=eth1:auto6", "eth1", MAC_1, "eth1 auto6");
	gets(ipxe, "eth1", MAC_1, "all static 10.0.0.5/24 via 10.0.0.1");
	gets(ipxe, "eth0", MAC_0, "nothing");
	gets("ip=10.0.0.5", "eth0", MAC_0, "all static 10.0.0.5/8");
	gets("ip=dhcp BOOTIF=01-52-54-00-00-00-02", "eth0", MAC_0, "all auto");
	gets("ip=BOOTIF:dhcp BOOTIF=52:54:00:00:00:02", "eth0", MAC_0, "nothing");
	gets("ip=BOOTIF:dhcp BOOTIF=52:54:00:00:00:02", "eth1", MAC_1, "BOOTIF auto");
	gets("vlan=vlan5:eth0", "eth0", MAC_0, "nothing");
	gets("vlan=vlan5:eth0", "vlan5", MAC_0, "all auto");
	gets("vlan=vlan5:eth0 ip=eth0:dhcp", "eth0", MAC_0, "eth0 auto");
	gets("vlan=vlan5:eth1 ip=10.0.0.5 BOOTIF=01-52-54-00-00-00-02", "eth1", MAC_1, "nothing");
	gets("vlan=vlan5:eth1 ip=10.0.0.5 BOOTIF=01-52-54-00-00-00-02", "vlan5", MAC_1,
	     "all static 10.0.0.5/8");
}

static void test_others(void)
{
	static struct net_options o;
	struct fail f;
	char mac[18];

	is_int(read_options("vlan=vlan0005:eth0 vlan=eth1.4094:eth1 nameserver=10.0.0.1 "
			    "nameserver=0.0.0.0 nameserver=[2001:db8::1] nameserver=10.0.0.1 "
			    "BOOTIF=01-AA-bb-CC-dd-EE-ff",
			    &o, &f),
	       0, "VLANs, name servers, BOOTIF");
	is_int(o.vlans[0].id, 5, "zeros before a number do not count");
	is_str(o.vlans[0].name, "vlan0005", "the name is as it is");
	is_int(o.vlans[1].id, 4094, "the digits behind the point");
	is_str(o.vlans[1].parent, "eth1", "on that card");
	is_str(describe_config(&o.dns), " dns 10.0.0.1 dns 2001:db8::1",
	       "none that is zero, none twice");
	is_str(net_mac_format(o.bootif, mac), "aa:bb:cc:dd:ee:ff", "the MAC");
}

int main(void)
{
	test_ip();
	test_bad();
	test_too_many();
	test_bad_beside_good();
	test_which_card();
	test_others();
	return done_testing();
}
