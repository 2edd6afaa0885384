/* What udhcpc says of a lease, as it comes from servers that are good, odd and hostile. */
#include "net/lease.h"

#include "scratch.h"
#include "tap.h"

/* Texts with "|" for NUL, the last of which is added. As one line; "none", "failed". */
static const char *parse(const char *text)
{
	static char line[1024];
	char a[NET_ADDRESS_TEXT_MAX], b[NET_ADDRESS_TEXT_MAX];
	struct net_config c;
	size_t n = strlen(text);
	char *copy = exact_copy(text, n + 1);
	enum lease_event event;
	int used;

	for (size_t i = 0; i < n; i++)
		if (copy[i] == '|')
			copy[i] = '\0';
	event = lease_parse(copy, n + 1, &c);
	free(copy);
	if (event != LEASE_BOUND)
		return event == LEASE_NONE ? "none" : "failed";
	used = snprintf(line, sizeof(line), "%s", net_address_format(&c.address, a));
#define ADD(...) used += snprintf(line + used, sizeof(line) - (size_t)used, __VA_ARGS__)
	for (size_t i = 0; i < c.n_routes; i++) {
		if (c.routes[i].to.prefix)
			ADD(" to %s", net_address_format(&c.routes[i].to, b));
		ADD(" via %s", c.routes[i].gateway.family
				       ? net_address_format(&c.routes[i].gateway, a)
				       : "link");
	}
	for (size_t i = 0; i < c.n_dns; i++)
		ADD(" dns %s", net_address_format(&c.dns[i], a));
	ADD("%s%s", *c.domain ? " domain " : "", c.domain);
	ADD("%s%s", *c.hostname ? " host " : "", c.hostname);
	if (c.mtu)
		ADD(" mtu %u", c.mtu);
	ADD("%s%s", *c.from ? " from " : "", c.from);
	ADD("%s%s", *c.log ? " log " : "", c.log);
#undef ADD
	return line;
}

static const struct {
	const char *text, *want;
} cases[] = {
	{ "bound|interface=eth0|ip=10.0.0.5|subnet=255.255.255.0|mask=24|router=10.0.0.1|dns=10.0."
	  "0.2 "
	  "10.0.0.3|domain=example.org|lease=3600|serverid=10.0.0.9|opt53=05|PATH=/bin",
	  "10.0.0.5/24 via 10.0.0.1 dns 10.0.0.2 dns 10.0.0.3 domain example.org from 10.0.0.9" },
	{ "renew|ip=10.0.0.5|mask=16|mtu=1400", "10.0.0.5/16 mtu 1400" },
	{ "bound|ip=10.0.0.5|subnet=255.255.255.128", "10.0.0.5/25" },
	{ "bound|ip=192.168.5.5", "192.168.5.5/24" },
	{ "bound|ip=10.0.0.5|mask=32|router=10.9.9.1", "10.0.0.5 via 10.9.9.1" },
	{ "bound|ip=10.0.0.5|mask=24|router=10.0.0.1 10.0.0.2", "10.0.0.5/24 via 10.0.0.1" },
	{ "bound|ip=10.0.0.5|mask=24|router=10.0.0.1|staticroutes=10.1.0.0/16 10.0.0.7 0.0.0.0/0 "
	  "10.0.0.8",
	  "10.0.0.5/24 to 10.1.0.0/16 via 10.0.0.7 via 10.0.0.8" },

	{ "bound|ip=10.0.0.5|mask=24|staticroutes=10.1.1.0/22 10.0.0.7 10.2.255.255/9 10.0.0.8 "
	  "10.3.0.1/32 10.0.0.9 10.4.0.1/0 10.0.0.6",
	  "10.0.0.5/24 to 10.1.0.0/22 via 10.0.0.7 to 10.0.0.0/9 via 10.0.0.8 to 10.3.0.1 via "
	  "10.0.0.9 via 10.0.0.6" },

	/* on the link itself: RFC 3442 */
	{ "bound|ip=10.0.0.5|mask=32|router=10.0.0.7|staticroutes=10.0.0.1/32 0.0.0.0 0.0.0.0/0 "
	  "10.0.0.1 10.1.0.0/16 0.0.0.1",
	  "10.0.0.5 to 10.0.0.1 via link via 10.0.0.1" },
	{ "bound|ip=10.0.0.5|mask=24|router=10.0.0.1|staticroutes=10.1.0.0/16 0.0.0.0",
	  "10.0.0.5/24 to 10.1.0.0/16 via link" },

	{ "bound|ip=10.0.0.5|mask=24|opt7=0a000009", "10.0.0.5/24 log 10.0.0.9" },
	{ "bound|ip=10.0.0.5|mask=24|opt7=fffffffe0a000001", "10.0.0.5/24 log 255.255.255.254" },
	{ "bound|ip=10.0.0.5|mask=24|hostname=pc-1.room", "10.0.0.5/24 host pc-1.room" },

	/* not yet */
	{ "deconfig|interface=eth0", "none" },
	{ "leasefail|interface=eth0", "none" },
	{ "nak|interface=eth0|message=no", "none" },
	{ "rebound|ip=10.0.0.5", "none" },

	/* no address: no lease */
	{ "bound", "failed" },
	{ "bound|", "failed" },
	{ "bound|ip=", "failed" },
	{ "bound|ip=0.0.0.0|mask=24", "failed" },
	{ "bound|ip=127.0.0.1|mask=24", "failed" },
	{ "bound|ip=224.0.0.5|mask=24", "failed" },
	{ "bound|ip=255.255.255.255|mask=24", "failed" },
	{ "bound|ip=10.0.0.5;reboot", "failed" },
	{ "bound|ip=2001:db8::1", "failed" },
	{ "bound|ip=10.0.0.5/8", "failed" },
	{ "bound|xip=10.0.0.5", "failed" },
	{ "bound|ip=junk|ip=10.0.0.5", "failed" },

	/* what is wrong beside it is ignored, value by value */
	{ "bound|ip=10.0.0.5|mask=0|subnet=0.0.0.0", "10.0.0.5/8" },
	{ "bound|ip=10.0.0.5|mask=33|subnet=255.0.255.0", "10.0.0.5/8" },
	{ "bound|ip=10.0.0.5|mask=-1|router=0.0.0.0", "10.0.0.5/8" },
	{ "bound|ip=10.0.0.5|mask=24|router=x 10.0.0.1|dns=0.0.0.0 256.1.1.1 10.0.0.2  10.0.0.2",
	  "10.0.0.5/24 via 10.0.0.1 dns 10.0.0.2" },
	{ "bound|ip=10.0.0.5|mask=24|dns=10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4",
	  "10.0.0.5/24 dns 10.0.0.1 dns 10.0.0.2 dns 10.0.0.3" },
	{ "bound|ip=10.0.0.5|mask=24|domain=a\nnameserver 6.6.6.6", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|domain=a b", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|domain=bad", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|hostname=../x", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|hostname=-rf", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|hostname=a\nb", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|hostname=", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|mtu=10", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|opt7=0a0000", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|opt7=", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|opt7=;reboot;", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|mtu=1500x", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|mtu=99999", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|serverid=evil\033[2J", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|staticroutes=10.1.0.0/16", "10.0.0.5/24" },
	{ "bound|ip=10.0.0.5|mask=24|staticroutes=10.1.0.0/40 10.0.0.1 x y 10.2.0.0/16 10.0.0.2",
	  "10.0.0.5/24 to 10.2.0.0/16 via 10.0.0.2" },
	{ "bound|ip=10.0.0.5|mask=24|staticroutes=::/0 10.0.0.1", "10.0.0.5/24 via 10.0.0.1" },
};

static void test_long_values(void)
{
	static char text[20000];
	size_t n = (size_t)sprintf(text, "bound|ip=10.0.0.5|mask=24|domain=");

	memset(text + n, 'd', 300);
	n += 300;
	n += (size_t)sprintf(text + n, "|dns=");
	memset(text + n, '1', 5000);
	n += 5000;
	strcpy(text + n, " 10.0.0.2");
	is_str(parse(text), "10.0.0.5/24 dns 10.0.0.2", "values longer than any that is right");
	n = (size_t)sprintf(text, "bound|ip=10.0.0.5|mask=24|staticroutes=");
	for (size_t i = 0; i < 100; i++)
		n += (size_t)sprintf(text + n, "10.1.%zu.0/24 10.0.0.1 ", i);
	ok(strstr(parse(text), "to 10.1.15.0/24 via 10.0.0.1") &&
		   !strstr(parse(text), "to 10.1.16.0/24"),
	   "a hundred routes: the first 16");
}

static void test_no_end(void)
{
	struct net_config c;

	is_int(lease_parse("bound\0ip=10.0.0.5", 17, &c), LEASE_FAILED, "a text without its end");
	is_int(lease_parse("", 0, &c), LEASE_FAILED, "nothing");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_str(parse(cases[i].text), cases[i].want, "%s", cases[i].text);
	test_long_values();
	test_no_end();
	return done_testing();
}
