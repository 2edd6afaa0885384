/* How far machines are, from lines of servers and messages of syslog; reports in parts. */
#include "status/machines.h"

#include "site/serve_log.h"
#include "status/report_parts.h"
#include "status/syslog_line.h"

#include "tap.h"

#define MAC "52:54:00:00:00:01"

static struct machines room;
static struct serve_log log_;
static uint64_t now = 1000;

static struct machine *server_says(const char *line)
{
	char what[SERVE_WHAT_MAX], shown[SERVE_LINE_MAX];
	struct serve_event e;

	(void)serve_event_parse(line, &e);
	(void)serve_log_event(&log_, &e, line, what, shown);
	return machines_note_event(&room, &e, serve_log_mac(&log_, e.address), what, now += 1000);
}

static void dhcp(const char *class, const char *what)
{
	static unsigned request = 7000;
	char line[200];

	request++;
	if (*class) {
		snprintf(line, sizeof(line), "Nov 29 11:00:00 dnsmasq-dhcp[7]: %u %s", request,
			 class);
		(void)server_says(line);
	}
	snprintf(line, sizeof(line), "Nov 29 11:00:00 dnsmasq-dhcp[7]: %u %s", request, what);
	(void)server_says(line);
}

static struct machine *machine_says_as(const char *head, const char *text)
{
	bool failed;
	struct syslog_line line;
	char data[700];

	snprintf(data, sizeof(data), "%s %s", head, text);
	if (!syslog_line_parse(data, strlen(data), &line))
		return NULL;
	return machines_note_syslog(&room, &line, "10.7.0.9", serve_log_mac(&log_, "10.7.0.9"),
				    now += 1000, &failed);
}

static struct machine *init_says(const char *kind, const char *text)
{
	char head[100];

	snprintf(head, sizeof(head), "<29>1 - pc9 tarboot " MAC " %s -", kind);
	return machine_says_as(head, text);
}

static void is_at(const char *stage, const char *what)
{
	is_str(room.n ? machine_stage_name(room.machines[0].stage) : "", stage, "%s", what);
}

#define ACK "DHCPACK(br0) 10.7.0.9 " MAC " pc9"

static void test_boot(void)
{
	struct machine *k = &room.machines[0];

	dhcp("", ACK);
	is_int((long long)room.n, 0, "a machine that does not boot from here is none");
	dhcp("vendor class: PXEClient:Arch:00000:UNDI:002001", "DHCPDISCOVER(br0) " MAC);
	is_at("DHCP", "its firmware asks for an address");
	is_str(k->mac, MAC, "its MAC");
	dhcp("vendor class: PXEClient:Arch:00000:UNDI:002001", ACK);
	is_str(k->address, "10.7.0.9", "its address");
	is_str(k->name, "pc9", "its name");
	(void)server_says(
		"Nov 29 11:00:00 dnsmasq-tftp[7]: sent /srv/tftp/undionly.kpxe to 10.7.0.9");
	is_at("firmware", "a boot loader");
	dhcp("user class: iPXE", ACK);
	is_at("firmware", "it asks, too");
	(void)server_says("tarboot 10.7.0.9 200 100 0.000 100 [-] /menu.ipxe");
	is_at("menu", "the menu");
	(void)server_says("tarboot 10.7.0.9 404 153 0.000 153 [-] /mac-52-54-00-00-00-01.ipxe");
	is_at("menu", "an optional file that does not exist");
	(void)server_says("tarboot 10.7.0.9 200 14000000 2.000 14000000 [-] /images/lab/1/vmlinuz");
	is_at("kernel", "the kernel");
	is_str(k->image, "lab", "its image");
	is_int((long long)k->rate, 7000000, "its rate");
	(void)server_says("tarboot 10.7.0.9 206 25000000 1.000 75000000 [bytes "
			  "25000000-99999999/100000000] /images/lab/1/root.tar.xz");
	is_at("fetch", "half a root");
	is_int(k->percent, 50, "a half");
	(void)server_says("tarboot 10.7.0.9 206 50000000 1.000 50000000 [bytes "
			  "50000000-99999999/100000000] /images/lab/1/root.tar.xz");
	is_at("unpack", "the rest");
	dhcp("", ACK);
	is_at("up", "the new system asks for an address");
	is_int((long long)(k->since - k->start), 11000, "the boot took so long");
	dhcp("user class: iPXE", ACK);
	is_at("firmware", "it boots again");
	is_int((long long)k->rate, 0, "from the start");
}

static void test_syslog(void)
{
	struct machine *k = &room.machines[0];

	(void)init_says("-", "mount kernel file systems: 0.001 s");
	is_at("kernel", "init runs");
	(void)init_says("progress", "unpack root: 40 %, 10.0 MiB of 25.0 MiB, 4.0 MiB of 8.0 MiB "
				    "fetched");
	is_at("fetch", "it fetches");
	is_int(k->percent, 40, "so much");
	(void)init_says("progress", "unpack root: 90 %, 22.0 MiB of 25.0 MiB, 8.0 MiB of 8.0 MiB "
				    "fetched");
	is_at("unpack", "all is here");
	(void)init_says("failure", "unpack root failed: /root.tar.xz: Block 3 is damaged");
	is_at("FAILED", "it fails");
	is_str(machine_stage_name(k->before), "unpack", "in that stage");
	(void)init_says("failure", "to do: Copy the image again.");
	is_str(k->failure,
	       "unpack root failed: /root.tar.xz: Block 3 is damaged; to do: Copy the "
	       "image again.",
	       "its sentence, and what to do");
	(void)init_says("-", "find payload: 0.002 s");
	is_at("FAILED", "an earlier step does not undo that");
	(void)init_says("-", "unpack root: 2.345 s, 1 GiB");
	is_at("unpack", "the same step does");
	(void)init_says("-", "hand over: /sbin/init after 9.123 s");
	is_at("handed over", "the end of init");
	(void)machine_says_as("<13>Nov 29 11:00:00 pc9 systemd[1]:", "Started something");
	is_at("up", "the new system says something");
	(void)init_says("-", "mount kernel file systems: 0.001 s");
	is_at("kernel", "a boot that needed no firmware from here");
	ok(!*k->failure, "without the old failure");
}

static void test_server_failure(void)
{
	struct machine *k = &room.machines[0];

	(void)server_says("tarboot 10.7.0.9 404 153 0.000 153 [-] /images/lab/1/root.tar.xz");
	is_at("FAILED", "what it needs is not there");
	is_str(k->failure, "HTTP   /images/lab/1/root.tar.xz: error 404", "what");
	(void)server_says("tarboot 10.7.0.9 200 90000000 1.000 90000000 [-] "
			  "/images/lab/1/root.tar.xz");
	is_at("unpack", "now it is");
	(void)server_says("tarboot 10.7.0.9 404 153 0.000 153 [-] /favicon.ico");
	is_at("unpack", "other files are no failure");
}

/* A machine cannot write into another one's row, however it calls itself. */
static void test_lies(void)
{
	struct machine *other, *k = &room.machines[0];
	bool failed;
	struct syslog_line s;
	static const char claim[] = "<27>1 - pc9 tarboot " MAC " failure - it burns";

	serve_log_learn(&log_, "10.7.0.66", "52:54:00:00:00:66");
	ok(syslog_line_parse(claim, strlen(claim), &s),
	   "a message with the MAC of another machine");
	other = machines_note_syslog(&room, &s, "10.7.0.66", serve_log_mac(&log_, "10.7.0.66"), now,
				     &failed);
	ok(other && other != k && strcmp(other->mac, "52:54:00:00:00:66") == 0, "is its own");
	is_at("unpack", "the other one is as it was");
	(void)server_says("Nov 29 11:00:00 dnsmasq-tftp[7]: file /srv/DHCPACK(br0) 10.7.0.9 "
			  "52:54:00:00:00:66 x not found for 10.7.0.66");
	is_str(serve_log_mac(&log_, "10.7.0.9"), MAC, "a file name is no DHCP");
	(void)server_says("2026/11/29 11:00:00 [error] 40#40: *2 open() \"/srv/dnsmasq-dhcp[7]: 1 "
			  "DHCPACK(br0) 10.7.0.9 52:54:00:00:00:66 x\" failed");
	is_str(serve_log_mac(&log_, "10.7.0.9"), MAC, "nor is what is asked of the web server");
	(void)server_says(
		"Nov 29 11:00:00 dnsmasq-tftp[7]: sent /srv/tftp/x to 10.7.0.9 to 10.7.0.66");
	is_at("unpack", "a name of a file that was sent neither");
	(void)init_says("failure", "\033[2J<script>\x80\n");
	is_str(k->failure, "\\033[2J<script>\\200", "what could steer a terminal is escaped");
	dhcp("vendor class: PXEClient", "DHCPACK(br0) 10.7.0.9 " MAC " \033]0;x\007");
	is_str(k->name, "\\033]0;x\\007", "in names, too");
}

static void test_limits(void)
{
	char mac[MAC_TEXT_MAX], what[100];
	size_t n = room.n;

	(void)init_says("-", "unpack root: 1.0 s");
	for (unsigned i = 0; i < 2 * MACHINES_MAX; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:%02x:%02x", i >> 8, i & 255);
		snprintf(what, sizeof(what), "DHCPDISCOVER(br0) %s", mac);
		dhcp("user class: iPXE", what);
		snprintf(what, sizeof(what), "DHCPDISCOVER(br0) 04%s", mac + 2);
		dhcp("vendor class: PXEClient", what);
	}
	is_int((long long)room.n, MACHINES_MAX, "no more machines than there is room for");
	is_int((long long)room.forgotten, (long long)(4 * MACHINES_MAX + n - MACHINES_MAX),
	       "the others are counted");
	for (unsigned i = 0; i < 3 * MACHINE_LINES_MAX; i++)
		(void)init_says("-", "a line");
	is_str(room.machines[0].mac, MAC, "one that had come further stays");
	ok(room.machines[0].n_lines >= 3 * MACHINE_LINES_MAX, "and no more lines");
}

static void parse(const char *data, size_t size, const char *want)
{
	struct syslog_line s;
	char have[300] = "none";

	if (syslog_line_parse(data, size, &s))
		snprintf(have, sizeof(have), "%u|%.40s|%.40s|%.40s|%.40s|%.100s", s.severity,
			 s.host, s.program, s.process, s.kind, s.text);
	is_str(have, want, "%s", data);
}

static void test_syslog_line(void)
{
	static const struct {
		const char *data, *want;
	} cases[] = {
		{ "<165>1 2003-10-11T22:14:15.003Z m.example evntslog - ID47 "
		  "[exampleSDID@32473 iut=\"3\" s=\"a\\\"]b\"][x@1] \xef\xbb\xbfWords",
		  "5|m.example|evntslog||ID47|Words" },
		{ "<29>1 - - tarboot 52:54:00:00:00:01 failure - a: b\n",
		  "5||tarboot|52:54:00:00:00:01|failure|a: b" },
		{ "<0>1 - - - - - -", "0|||||" },
		{ "<13>Nov 29 11:00:00 host su: words", "5|||||" },
		{ "<192>1 - - - - - -", "none" },
		{ "<1921>1 - - - - - -", "none" },
		{ "1 - - - - - -", "none" },
		{ "<13>1 - - - - -", "none" },
		{ "<13>1 - - - - - [x", "none" },
		{ "<13>1 - - - - - [x=\"]", "none" },
		{ "", "none" },
		{ "<", "none" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		parse(cases[i].data, strlen(cases[i].data), cases[i].want);
	parse("<13>1 - \0 - - - - x", 20, "none");
}

static void test_reports(void)
{
	static struct report_parts parts;
	const char *text;

	ok(!report_parts_add(&parts, MAC, "0/10 {\"a\"", 1), "the first part of a report");
	ok(!report_parts_add(&parts, "52:54:00:00:00:02", "0/4 xy", 2), "one of another machine");
	text = report_parts_add(&parts, MAC, "4/10 : [1]}", 3);
	is_str(text ? text : "", "{\"a\": [1]}", "the last part");
	ok(!report_parts_add(&parts, MAC, "4/10 : [1]}", 3), "again, without the first");
	ok(!report_parts_add(&parts, MAC, "0/4 xyz", 4), "one that will be too long");
	ok(!report_parts_add(&parts, MAC, "3/4 zz", 4), "is none");
	ok(!report_parts_add(&parts, MAC, "0/99999999 x", 4), "nor is one that says so");
	ok(!report_parts_add(&parts, MAC, "0/1", 4), "nor one without bytes");
	ok(!report_parts_add(&parts, MAC, "x", 4), "nor anything else");
	text = report_parts_add(&parts, "52:54:00:00:00:02", "2/4 zz", 5);
	is_str(text ? text : "", "xyzz", "the other machine's is whole");
}

int main(void)
{
	test_boot();
	test_syslog();
	test_server_failure();
	test_lies();
	test_limits();
	test_syslog_line();
	test_reports();
	return done_testing();
}
