/* Addresses, subnets, MACs and texts for iPXE. */
#include "base/net_text.h"

#include <string.h>

#include "tap.h"

static void check_address(const char *text, const char *want)
{
	char back[IPV4_TEXT_MAX] = "";
	uint32_t address;

	if (ipv4_parse(text, &address))
		ipv4_format(back, address);
	is_str(back, want, "address %s", text);
}

static void check_subnet(const char *text, unsigned bits, const char *first)
{
	char address[IPV4_TEXT_MAX] = "";
	struct subnet s = { 0 };

	is_int(subnet_parse(text, &s), bits != 0, "subnet %s", text);
	is_int(s.bits, bits, "its bits");
	if (bits)
		is_str(ipv4_format(address, s.address), first, "its first address");
}

static void check_host(const char *subnet, const char *address, bool want)
{
	struct subnet s = { 0 };
	uint32_t a = 0;

	ok(subnet_parse(subnet, &s) && ipv4_parse(address, &a), "%s, %s", subnet, address);
	is_int(subnet_has(&s, a), want, "is it a machine there?");
}

static void check_mac(const char *text, const char *want)
{
	char mac[MAC_TEXT_MAX] = "";

	if (!mac_parse(text, strlen(text), ':', mac))
		*mac = '\0';
	is_str(mac, want, "MAC %s", text);
}

int main(void)
{
	check_address("192.168.7.1", "192.168.7.1");
	check_address("0.0.0.0", "0.0.0.0");
	check_address("255.255.255.255", "255.255.255.255");
	check_address("256.1.1.1", "");
	check_address("1.2.3", "");
	check_address("1.2.3.4.5", "");
	check_address("1.2.3.04", "");
	check_address("1.2.3.4 ", "");
	check_address("", "");
	check_address("1..2.3", "");

	check_subnet("192.168.7.0/24", 24, "192.168.7.0");
	check_subnet("192.168.7.99/25", 25, "192.168.7.0");
	check_subnet("10.0.0.0/8", 8, "10.0.0.0");
	check_subnet("10.0.0.0/7", 0, "");
	check_subnet("10.0.0.0/31", 0, "");
	check_subnet("10.0.0.0", 0, "");
	check_subnet("10.0.0.0/24x", 0, "");

	check_host("10.7.0.0/24", "10.7.0.1", true);
	check_host("10.7.0.0/24", "10.7.0.254", true);
	check_host("10.7.0.0/24", "10.7.0.0", false);
	check_host("10.7.0.0/24", "10.7.0.255", false);
	check_host("10.7.0.0/24", "10.7.1.1", false);

	check_mac("52:54:00:AB:cd:09", "52:54:00:ab:cd:09");
	check_mac("52-54-00-ab-cd-09", "52:54:00:ab:cd:09");
	check_mac("52:54:00:ab:cd", "");
	check_mac("52:54:00:ab:cd:0g", "");
	check_mac("525400:ab:cd:09:1", "");
	ok(mac_is_of_card("52:54:00:ab:cd:09") && mac_is_of_card("00:00:00:00:00:01") &&
		   mac_is_of_card("fe:00:00:00:00:00"),
	   "MACs of cards");
	ok(!mac_is_of_card("00:00:00:00:00:00") && !mac_is_of_card("ff:ff:ff:ff:ff:ff") &&
		   !mac_is_of_card("01:00:5e:00:00:01"),
	   "those of groups, and zeros");

	ok(name_is_plain("lab-2_x") && name_is_plain("7"), "plain names");
	ok(!name_is_plain("") && !name_is_plain("-a") && !name_is_plain("a.b") &&
		   !name_is_plain("a/b") && !name_is_plain("a b"),
	   "names that are not");
	ok(!name_is_plain("a23456789012345678901234567890123"), "a long one");
	ok(text_is_plain("Class room & more | $5 {x}"), "a plain text");
	ok(!text_is_plain("a ${x}") && !text_is_plain("a\nb") && !text_is_plain("\xc3\xa4") &&
		   !text_is_plain("a || b") && !text_is_plain("&&") && !text_is_plain("Room #3") &&
		   !text_is_plain("#") && !text_is_plain("a ; b"),
	   "texts that iPXE would take for something else");
	ok(text_is_plain("a&&b") && text_is_plain("C#") && text_is_plain("a;b;"),
	   "but a part of a word may be so");
	return done_testing();
}
