/* What is shown of the lines of dnsmasq and nginx. */
#include "site/serve_log.h"

#include "tap.h"

#define MARK "tarboot" /* of nginx's access log, in this test */

static struct serve_log log_;

static void check_of(const char *mark, const char *line, const char *want)
{
	char shown[SERVE_LINE_MAX] = "";

	is_int(serve_log_line(&log_, line, mark, shown), *want != '\0', "%s", line);
	if (*want)
		is_str(shown, want, "it says so");
}

static void check(const char *line, const char *want)
{
	check_of(strncmp(line, MARK " ", sizeof(MARK)) == 0 ? MARK : "", line, want);
}

static void some_blocks(const void *arg, const char *path, uint64_t from, uint64_t to,
			char ret[SERVE_BLOCKS_MAX])
{
	*ret = '\0';
	if (strstr(path, "root.tar"))
		snprintf(ret, SERVE_BLOCKS_MAX, "%s%s %llu %llu", (const char *)arg, path,
			 (unsigned long long)from, (unsigned long long)to);
}

static void is_mac(const char *address, const char *want, const char *what)
{
	is_str(serve_log_mac(&log_, address, SERVE_BY_NOBODY), want, "%s", what);
}

#define ARP_LINE "10.9.0.%u        0x1         0x%x         %s     *        br0"

static void neighbour(unsigned host, unsigned flags, const char *mac)
{
	char line[200];

	snprintf(line, sizeof(line), ARP_LINE, host, flags, mac);
	serve_log_neighbour(&log_, line);
}

/* Whose word counts about who has an address. */
static void test_sources(void)
{
	char line[SERVE_LINE_MAX];

	neighbour(1, 2, "02:00:00:00:00:01");
	is_mac("10.9.0.1", "02:00:00:00:00:01", "a line of /proc/net/arp");
	neighbour(2, 0, "02:00:00:00:00:02");
	is_mac("10.9.0.2", "", "one that did not answer");
	neighbour(3, 2, "00:00:00:00:00:00");
	is_mac("10.9.0.3", "", "no MAC");
	neighbour(4, 2, "01:00:5e:00:00:04");
	is_mac("10.9.0.4", "", "the MAC of a group");
	neighbour(5, 6, "02:00:00:00:00:05");
	is_mac("10.9.0.5", "02:00:00:00:00:05", "one that somebody has set");
	serve_log_neighbour(&log_, "IP address       HW type     Flags       HW address");
	(void)serve_log_line(&log_, "dnsmasq-dhcp[7]: 1 DHCPACK(br0) 10.9.0.1 02:00:00:00:00:aa pc",
			     "", line);
	is_mac("10.9.0.1", "02:00:00:00:00:aa", "dnsmasq has given it to another one");
	neighbour(1, 2, "02:00:00:00:00:01");
	is_mac("10.9.0.1", "02:00:00:00:00:aa", "what ARP says does not change that");
	(void)serve_log_line(&log_, "dnsmasq-dhcp[7]: 1 PXE(br0) 10.9.0.5 02:00:00:00:00:bb x", "",
			     line);
	is_mac("10.9.0.5", "02:00:00:00:00:05", "what a machine says changes neither");
	(void)serve_log_line(&log_, "dnsmasq-dhcp[7]: 1 PXE(br0) 10.9.0.6 02:00:00:00:00:bb x", "",
			     line);
	is_mac("10.9.0.6", "02:00:00:00:00:bb", "where nobody else knows, it counts");
	is_str(serve_log_mac(&log_, "10.9.0.6", SERVE_BY_ARP), "", "but is not taken for more");
}

static void is_nothing(const char *line, const char *mark)
{
	struct serve_event e;

	is_int(serve_event_parse(line, mark, &e), SERVE_NOTHING, "%s", line);
}

/* A path that a machine asks for may have newlines in it, and be in nginx's log of errors as it came. */
static void test_whose_line(void)
{
	struct serve_event e;

	is_nothing("dnsmasq-dhcp[1]: 7 DHCPACK(br0) 10.9.0.9 52:54:00:00:00:01 teacher", MARK);
	is_nothing("dnsmasq-tftp[1]: sent /srv/tftp/ipxe.efi to 10.9.0.9", MARK);
	is_nothing("tarboot 10.9.0.9 404 153 0.000 153 [-] /images/lab/1/vmlinuz", "5eed");
	is_nothing("tarboot 10.9.0.9 404 153 0.000 153 [-] /images/lab/1/vmlinuz", "");
	is_nothing(" 10.9.0.9 404 153 0.000 153 [-] /images/lab/1/vmlinuz", "5eed");
	is_int(serve_event_parse("5eed 10.9.0.9 404 153 0.0 153 [-] /vmlinuz", "5eed", &e),
	       SERVE_HTTP, "a line with the mark");
	is_str(e.path, "/vmlinuz", "its path");
	is_int(serve_event_parse("5eed 10.9.0.9 400 157 0.000 157 [-] ", "5eed", &e),
	       SERVE_NO_REQUEST, "one about what was no request");
	check_of(MARK, "dnsmasq-dhcp[1]: 7 DHCPACK(br0) 10.9.0.9 52:54:00:00:00:01 pc", "");
	is_mac("10.9.0.9", "", "nobody has got that address");
	check_of(MARK, "2026/11/30 11:00:00 [error] 7#7: *1 open() \"/x\" failed",
		 "nginx: 2026/11/30 11:00:00 [error] 7#7: *1 open() \"/x\" failed");
	check_of(MARK, "nginx: [emerg] bind() failed", "nginx: [emerg] bind() failed");
	check_of(MARK, "tarboot 10.9.0.9 400 157 0.000 157 [-] ", "");
}

static void test_dhcp_and_tftp(void)
{
	check("tarboot 10.7.0.9 200 100 0.000 100 [-] /menu.ipxe",
	      "                  10.7.0.9        HTTP   /menu.ipxe");
	check("dnsmasq-dhcp[7]: 1234 DHCPDISCOVER(br0) 52:54:00:00:00:01", "");
	check("dnsmasq-dhcp[7]: 1234 DHCPDISCOVER(br0) 52:54:00:00:00:03 no address available",
	      "52:54:00:00:00:03                 DHCP   no address is left for it: give more with "
	      "`tarboot netboot --range`");
	check("dnsmasq-dhcp[7]: 1234 DHCPDISCOVER(br0) 10.7.0.9 52:54:00:00:00:03 no address "
	      "available",
	      "52:54:00:00:00:03                 DHCP   no address is left for it: give more with "
	      "`tarboot netboot --range`");
	check("dnsmasq-dhcp[7]: 1234 DHCPNAK(br0) 10.7.0.9 52:54:00:00:00:03 no leases left",
	      "52:54:00:00:00:03                 DHCP   no address is left for it: give more with "
	      "`tarboot netboot --range`");
	is_mac("10.7.0.9", "", "it has not got that address");
	check("dnsmasq-dhcp[7]: 1234 DHCPNAK(br0) 10.7.0.9 52:54:00:00:00:03 wrong network", "");
	check("dnsmasq-dhcp[7]: 1234 DHCPACK(br0) 10.7.0.9 52:54:00:00:00:01 pc9",
	      "52:54:00:00:00:01 10.7.0.9        DHCP   address given to pc9");
	check("dnsmasq-dhcp[7]: 1234 DHCPACK(br0) 10.7.0.10 52:54:00:00:00:02",
	      "52:54:00:00:00:02 10.7.0.10       DHCP   address given");
	check("dnsmasq-tftp[7]: sent /srv/a b/tftp/undionly.kpxe to 10.7.0.10",
	      "52:54:00:00:00:02 10.7.0.10       TFTP   undionly.kpxe");
	check("dnsmasq-tftp[7]: file /srv/tftp/autoexec.ipxe not found for 10.7.0.9", "");
	check("dnsmasq-tftp[7]: file /srv/tftp/x not found for 10.7.0.9",
	      "dnsmasq-tftp[7]: file /srv/tftp/x not found for 10.7.0.9");
	check("dnsmasq-dhcp[7]: 7 not using configured address 10.7.0.9 because it is leased to "
	      "52:54:00:00:00:02",
	      "dnsmasq-dhcp[7]: 7 not using configured address 10.7.0.9 because it is leased to "
	      "52:54:00:00:00:02");
	check("dnsmasq-tftp[7]: error 8 User aborted the transfer received from 10.7.0.9", "");
	check("dnsmasq-dhcp[7]: 1 PXE(br0) 52:54:00:00:00:03 proxy",
	      "52:54:00:00:00:03                 PXE    boot file announced");
	check("dnsmasq-dhcp[7]: 1 PXE(br0) 10.7.0.11 52:54:00:00:00:03 ipxe.efi",
	      "52:54:00:00:00:03 10.7.0.11       PXE    boot file announced");
}

static void test_http(void)
{
	check("tarboot 10.7.0.9 200 264000000 2.000 264000000 [-] /images/lab/1/initrd.img",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/lab/1/initrd.img  264.0 MB in 2.0 "
	      "s, 132 "
	      "MB/s");
	check("tarboot 10.7.0.9 404 153 0.000 153 [-] /mac-52-54-00-00-00-01.ipxe", "");
	check("tarboot 10.7.0.9 404 153 0.000 153 [-] /images/x",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/x: error 404");
	check("tarboot 10.7.0.9 403 153 0.000 153 [-] /x",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /x: "
	      "error 403: the web server is not allowed to read it");
	check("tarboot 10.7.0.9 206 165200000 5.000 165200000 [bytes "
	      "104857600-270057599/270057600] "
	      "/images/lab/1/root.tar.xz",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/lab/1/root.tar.xz  from 104.9 MB "
	      "on: 165.2 MB in 5.0 s, 33 MB/s");
	check("tarboot 10.7.0.9 200 104857600 3.000 270057600 [-] /images/lab/1/root.tar.zst",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/lab/1/root.tar.zst  104.9 MB in "
	      "3.0 s, 35 MB/s, then the machine broke off; 165.2 MB were left");
	check("tarboot 10.7.0.9 206 4194304 0.100 165200000 [bytes 104857600-270057599/270057600] "
	      "/images/lab/1/root.tar.xz",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/lab/1/root.tar.xz  from 104.9 MB "
	      "on: 4.2 MB in 0.1 s, 42 MB/s, then the machine broke off; 161.0 MB were left");
}

static void test_blocks(void)
{
	log_.blocks = some_blocks;
	log_.blocks_arg = "dir";
	check("tarboot 10.7.0.9 206 4194304 0.100 165200000 [bytes 104857600-270057599/270057600] "
	      "/images/lab/1/root.tar.xz",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/lab/1/root.tar.xz  from 104.9 MB "
	      "on: 4.2 MB in 0.1 s, 42 MB/s, dir/images/lab/1/root.tar.xz 104857600 109051904, "
	      "then the machine broke off; 161.0 MB were left");
	check("tarboot 10.7.0.9 200 14000000 1.000 14000000 [-] /vmlinuz",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /vmlinuz  14.0 MB in 1.0 s, 14 MB/s");
	log_.blocks = NULL;
}

static void test_nothing_sent(void)
{
	check("tarboot 10.7.0.9 200 0 0.000 270057600 [-] /images/lab/1/root.tar.xz",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/lab/1/root.tar.xz");
	check("tarboot 10.7.0.9 416 197 0.000 197 [bytes */270057600] /images/lab/1/root.tar.xz",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /images/lab/1/root.tar.xz: error 416");
	check("tarboot 10.7.0.9 304 0 0.000 - [-] /menu.ipxe",
	      "52:54:00:00:00:01 10.7.0.9        HTTP   /menu.ipxe: error 304");
	check("tarboot nonsense", "");
	check("dnsmasq: started, version 2.90 DNS disabled", "");
	check("dnsmasq: failed to create listening socket",
	      "dnsmasq: failed to create listening socket");
}

static void test_many_clients(void)
{
	char line[64], mac[MAC_TEXT_MAX];

	for (unsigned i = 0; i < SERVE_CLIENTS + 5; i++) {
		snprintf(line, sizeof(line), "10.8.%u.%u", i >> 8, i & 255);
		snprintf(mac, sizeof(mac), "02:00:00:00:%02x:%02x", i >> 8, i & 255);
		serve_log_learn(&log_, line, mac, SERVE_BY_ARP);
	}
	check("tarboot 10.7.0.9 200 9 0.0 9 [-] /x", "                  10.7.0.9        HTTP   /x");
	serve_log_learn(&log_, "nowhere", "02:00:00:00:00:01", SERVE_BY_DHCP);
	serve_log_learn(&log_, "10.8.0.200", "not a MAC", SERVE_BY_DHCP);
	check("tarboot 10.8.0.200 200 9 0.0 9 [-] /x",
	      "02:00:00:00:00:c8 10.8.0.200      HTTP   /x");
}

int main(void)
{
	test_dhcp_and_tftp();
	test_http();
	test_blocks();
	test_nothing_sent();
	test_many_clients();
	test_sources();
	test_whose_line();
	return done_testing();
}
