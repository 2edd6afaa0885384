/* How far machines are, from lines of servers and messages of syslog; reports in parts. */
#include "status/machines.h"

#include "site/serve_log.h"
#include "site/site_firmware.h"
#include "status/machine_places.h"
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

	(void)serve_event_parse(line, strncmp(line, "tarboot ", 8) == 0 ? "tarboot" : "", &e);
	(void)serve_log_event(&log_, &e, line, what, shown);
	return machines_note_event(&room, &e, serve_log_mac(&log_, e.address, SERVE_BY_ITSELF),
				   what, now += 1000);
}

/* So long that a line that comes now is not late. */
static void later(void)
{
	now += 10000;
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

static struct machine *message_from(const char *address, const char *head, const char *text)
{
	bool failed;
	struct syslog_line line;
	char data[700];

	snprintf(data, sizeof(data), "%s %s", head, text);
	if (!syslog_line_parse(data, strlen(data), &line))
		return NULL;
	return machines_note_syslog(&room, &line, address,
				    serve_log_mac(&log_, address, SERVE_BY_ARP), now += 1000,
				    &failed);
}

static struct machine *machine_says_as(const char *head, const char *text)
{
	return message_from("10.7.0.9", head, text);
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
	dhcp("vendor class: PXEClient:Arch:00000:UNDI:002001",
	     "DHCPDISCOVER(br0) 10.7.0.8 " MAC " no address available");
	is_at("FAILED", "there is none");
	is_str(k->failure,
	       "DHCP   no address is left for it: give more with `tarboot netboot --range`",
	       "it is told why");
	is_str(k->address, "", "it has not got the one that it asked for");
	dhcp("vendor class: PXEClient:Arch:00000:UNDI:002001", ACK);
	is_at("DHCP", "there is one again");
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
	(void)server_says("tarboot 10.7.0.9 404 153 0.000 153 [-] /autoexec.ipxe");
	is_at("menu", "another one, which iPXE looks for");
	(void)server_says("tarboot 10.7.0.9 200 14000000 2.000 14000000 [-] /images/lab/1/vmlinuz");
	is_at("kernel", "the kernel");
	is_str(k->image, "lab", "its image");
	is_int((long long)k->rate, 7000000, "its rate");
	(void)server_says("tarboot 10.7.0.9 200 300 0.000 300 [-] "
			  "/images/lab/1/root.tar.xz.manifest.minisig");
	is_at("kernel", "a signature is not the root");
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
	later();
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
	later();
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

/* A script that the site has for this machine. */
static void test_own_script(void)
{
	struct serve_event e;
	char what[SERVE_WHAT_MAX], shown[SERVE_LINE_MAX];
	const char *line = "tarboot 10.7.0.9 404 153 0.000 153 [-] /mac-52-54-00-00-00-01.ipxe";

	later();
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	(void)server_says("tarboot 10.7.0.9 200 100 0.000 100 [-] /menu.ipxe");
	(void)serve_event_parse(line, "tarboot", &e);
	e.is_of_site = true;
	ok(serve_log_event(&log_, &e, line, what, shown), "it is missing, which is shown");
	(void)machines_note_event(&room, &e, MAC, what, now += 1000);
	is_at("FAILED", "that machine boots nothing");
	is_str(room.machines[0].failure, "HTTP   /mac-52-54-00-00-00-01.ipxe: error 404", "why");
	(void)server_says("tarboot 10.7.0.9 200 100 0.000 100 [-] /images/lab/1/vmlinuz");
	is_at("kernel", "then it was there");
}

#define LOADED(path) "tarboot 10.7.0.9 200 100 0.000 100 [-] " path
#define MISSING(path) "tarboot 10.7.0.9 404 153 0.000 153 [-] " path

/* The menu comes back after each failure, again and again. */
static void test_retries(void)
{
	struct machine *k = &room.machines[0];
	uint64_t start, since;

	later();
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	start = now;
	(void)server_says(LOADED("/menu.ipxe"));
	(void)server_says(LOADED("/images/lab/1/vmlinuz"));
	(void)server_says(MISSING("/images/lab/1/boot.img"));
	is_at("FAILED", "a file is missing");
	since = now;
	for (int i = 0; i < 3; i++) {
		now += 30000;
		(void)server_says(LOADED("/menu.ipxe"));
		is_at("FAILED", "the menu comes back");
		(void)server_says(MISSING("/mac-52-54-00-00-00-01.ipxe"));
		(void)server_says(LOADED("/images/lab/1/vmlinuz"));
		is_at("FAILED", "what it had before is nothing new");
		(void)server_says(MISSING("/images/lab/1/boot.img"));
	}
	is_str(k->failure, "HTTP   /images/lab/1/boot.img: error 404", "the failure stays");
	is_int((long long)(k->start - start), 0, "it is the same boot");
	is_int((long long)(k->since - since), 0, "that failed then");
	(void)server_says(LOADED("/menu.ipxe"));
	(void)server_says(LOADED("/images/lab/1/vmlinuz"));
	(void)server_says(LOADED("/images/lab/1/boot.img"));
	is_at("kernel", "now the file is there");
	is_int((long long)(k->start - start), 0, "since the start of that boot");
	later();
	(void)server_says(LOADED("/menu.ipxe"));
	(void)server_says(MISSING("/images/lab/1/vmlinuz"));
	is_at("FAILED", "another boot has no kernel");
	later();
	(void)server_says(
		"Nov 29 11:00:00 dnsmasq-tftp[7]: sent /srv/tftp/undionly.kpxe to 10.7.0.9");
	is_at("firmware", "a boot loader is a new boot");
	(void)server_says(MISSING("/menu.ipxe"));
	is_at("FAILED", "there is no menu");
	(void)server_says(LOADED("/menu.ipxe"));
	is_at("menu", "then there is");
	later();
	(void)init_says("failure", "mount root failed");
	later();
	(void)server_says(LOADED("/menu.ipxe"));
	is_at("menu", "after a failure of init a menu is a new boot");
	is_int((long long)(now - k->start), 0, "which starts there");
}

/* ---- all that netboot publishes ---- */

/* What becomes of a machine that asks for nothing but that file. */
static const char *stage_after(unsigned status, const char *path)
{
	char line[200];

	later();
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	snprintf(line, sizeof(line), "tarboot 10.7.0.9 %u 100 0.000 100 [-] %s", status, path);
	(void)server_says(line);
	return machine_stage_name(room.machines[0].stage);
}

static void leads_to(const char *directory, const char *file, const char *stage)
{
	bool is_nothing = strcmp(stage, "DHCP") == 0;
	char path[100];

	snprintf(path, sizeof(path), "/%s%s", directory, file);
	is_str(stage_after(200, path), stage, "%s is there", path);
	is_str(stage_after(404, path), is_nothing ? stage : "FAILED", "%s is missing", path);
}

static const char *stage_of_version_file(const char *file)
{
	if (ends_with(file, ".conf") || ends_with(file, ".manifest") || ends_with(file, ".minisig"))
		return "DHCP";
	if (strncmp(file, "root.tar", 8) == 0)
		return "unpack";
	return ends_with(file, ".img") || strcmp(file, "vmlinuz") == 0 ? "kernel" : "fetch";
}

#define SIGNED(name) name, name ".manifest", name ".manifest.minisig"
#define MACHINE_LAYER "machine-52-54-00-00-00-01-0011223344556677"

static void test_published(void)
{
	static const char *const of_version[] = {
		"entry.conf",
		"vmlinuz",
		"initrd.img",
		"boot.img",
		"root.img",
		SIGNED("root.tar"),
		SIGNED("root.tar.xz"),
		SIGNED("root.tar.zst"),
		"layer-1.img",
		SIGNED("layer-1.tar"),
		SIGNED("layer-1.tar.xz"),
		"layer-8.img",
		SIGNED("layer-8.tar.zst"),
	};
	const struct firmware *w;
	size_t n = firmware_all(&w);

	for (size_t i = 0; i < ARRAY_SIZE(of_version); i++)
		leads_to("images/lab/20261130-110000/", of_version[i],
			 stage_of_version_file(of_version[i]));
	for (size_t i = 0; i < n; i++) {
		leads_to("", w[i].program, "firmware");
		if (w[i].uki)
			leads_to("", w[i].uki, "kernel");
	}
	leads_to("", "menu.ipxe", "menu");
	leads_to("", "memtest.bin", "menu");
	leads_to("", "memtest.efi", "menu");
	leads_to("layers/", MACHINE_LAYER ".img", "kernel");
	leads_to("layers/", MACHINE_LAYER ".tar", "fetch");
	leads_to("layers/", MACHINE_LAYER ".tar.xz", "fetch");
	leads_to("layers/", MACHINE_LAYER ".tar.zst", "fetch");
	leads_to("layers/", MACHINE_LAYER ".tar.xz.manifest", "DHCP");
	leads_to("layers/", "52:54:00:00:00:01.tar.xz", "DHCP");
}

#define VERSION "/images/lab/1/"

static void test_loaded(void)
{
	struct machine *k = &room.machines[0];
	uint64_t since;

	is_str(stage_after(200, VERSION "vmlinuz"), "kernel", "an image in two files");
	(void)server_says(LOADED(VERSION "boot.img"));
	dhcp("vendor class: MSFT", ACK);
	is_at("kernel", "who asks for an address now has half of it");
	(void)server_says("tarboot 10.7.0.9 200 90000000 3.000 90000000 [-] " VERSION "root.img");
	is_int((long long)k->rate, 30000000, "the root's rate");
	dhcp("vendor class: MSFT", ACK);
	is_at("up", "with both it boots");
	is_str(stage_after(200, VERSION "initrd.img"), "kernel", "an image with layers");
	(void)server_says(MISSING(VERSION "layer-1.img"));
	is_at("FAILED", "one is missing");
	is_str(k->failure, "HTTP   " VERSION "layer-1.img: error 404", "which");
	since = k->since;
	(void)server_says(LOADED("/menu.ipxe"));
	(void)server_says(LOADED(VERSION "vmlinuz"));
	(void)server_says(LOADED(VERSION "initrd.img"));
	(void)server_says(MISSING(VERSION "layer-1.img"));
	is_at("FAILED", "and again");
	is_int((long long)(k->since - since), 0, "since the first time");
	(void)server_says(LOADED(VERSION "layer-1.img"));
	(void)server_says(LOADED("/layers/" MACHINE_LAYER ".img"));
	is_at("kernel", "then they are there");
	dhcp("vendor class: MSFT", ACK);
	is_at("up", "and it boots");
}

static void test_uki(void)
{
	struct machine *k = &room.machines[0];

	later();
	(void)server_says("tarboot 10.7.0.9 200 0 0.000 90000000 [-] /uki-x86-64.efi");
	is_at("firmware", "firmware asks how large a UKI is");
	is_int((long long)(now - k->start), 0, "which begins a boot");
	now += 20000;
	(void)server_says("tarboot 10.7.0.9 200 90000000 9.000 90000000 [-] /uki-x86-64.efi");
	is_at("kernel", "then it has all of it");
	is_int((long long)(now - k->start), 21000, "in the same boot");
	dhcp("vendor class: MSFT", ACK);
	is_at("kernel", "the firmware may refuse it, and start the disk's system");
	(void)server_says(LOADED(VERSION "root.tar.xz"));
	is_at("unpack", "its root is somewhere else: so it runs");
	dhcp("vendor class: MSFT", ACK);
	is_at("up", "and boots");
	later();
	(void)server_says(
		"Nov 29 11:00:00 dnsmasq-tftp[7]: sent /srv/tftp/uki-x86-64.efi to 10.7.0.9");
	is_at("kernel", "the same by TFTP");
	is_int((long long)(now - k->start), 0, "is a new boot");
	dhcp("vendor class: MSFT", ACK);
	is_at("kernel", "of which nothing tells whether the firmware takes it");
	(void)init_says("-", "hand over: /sbin/init after 9.123 s");
	dhcp("vendor class: MSFT", ACK);
	is_at("up", "unless init says so");
	later();
}

#define ROOT_LINE(sent, range) \
	"tarboot 10.7.0.9 206 " sent " 1.000 " sent " [bytes " range "] /images/lab/1/root.tar.xz"

/* What servers say comes late, in parts, or of something else. */
static void test_order(void)
{
	struct machine *k = &room.machines[0];

	later();
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	is_at("DHCP", "it boots again");
	(void)server_says("tarboot 10.7.0.9 200 14000000 2.0 14000000 [-] /images/lab/1/vmlinuz");
	is_at("kernel", "nginx's line is read first");
	(void)server_says(
		"Nov 29 11:00:00 dnsmasq-tftp[7]: sent /srv/tftp/undionly.kpxe to 10.7.0.9");
	is_at("kernel", "what dnsmasq says of before that, then");
	(void)server_says(ROOT_LINE("50000000", "0-49999999/100000000"));
	is_at("fetch", "the whole of a part of a root");
	is_int(k->percent, 50, "is a half of it");
	ok(!k->is_loaded, "and not all");
	later();
	dhcp("user class: iPXE", ACK);
	is_at("firmware", "it was switched off in the middle");
	(void)server_says("tarboot 10.7.0.9 206 60000000 30.0 100000000 [bytes "
			  "0-99999999/100000000] /images/lab/1/root.tar.xz");
	is_at("firmware", "nginx tells of the old transfer now");
	(void)server_says(ROOT_LINE("50000000", "50000000-99999999/100000000"));
	is_at("unpack", "the last part");
	(void)init_says("failure", "check new init failed: /sbin/init: none");
	dhcp("vendor class: MSFT", ACK);
	is_at("FAILED", "a machine that failed, and was started from its disk, is not up");
	(void)init_says("-", "unpack root: 2.3 s");
	dhcp("vendor class: MSFT", ACK);
	is_at("up", "another one is");
	later();
}

/* nginx logs a request at its end, which may be after init has said that it failed. */
static void test_late_transfers(void)
{
	struct machine *k = &room.machines[0];

	is_str(stage_after(200, VERSION "initrd.img"), "kernel", "an image with layers to fetch");
	(void)init_says("failure", "find layers failed: layer-1.tar.xz: no server has it");
	(void)server_says(LOADED(VERSION "layer-1.tar.xz"));
	is_at("FAILED", "a layer that arrived before that");
	(void)server_says(ROOT_LINE("50000000", "0-49999999/100000000"));
	is_at("FAILED", "a part of the root");
	(void)server_says(ROOT_LINE("50000000", "50000000-99999999/100000000"));
	is_at("FAILED", "all of it");
	is_str(k->failure, "find layers failed: layer-1.tar.xz: no server has it",
	       "what init has said stays");
	(void)init_says("progress", "unpack root: 10 %, 2.0 MiB of 25.0 MiB, 4.0 MiB of 8.0 MiB "
				    "fetched");
	is_at("fetch", "until it says that it goes on");
	(void)init_says("failure", "unpack root failed: /root.tar.xz: it is cut short");
	later();
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	(void)server_says(LOADED("/layers/" MACHINE_LAYER ".tar"));
	is_at("fetch", "in the next boot a layer counts again");
	is_int(k->percent, 0, "which is nothing of the root");
	later();
}

/* A boot that got no further than the menu, or an address, is not part of the next one. */
static void test_switched_off(void)
{
	struct machine *k = &room.machines[0];

	later();
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	(void)server_says("tarboot 10.7.0.9 200 100 0.000 100 [-] /menu.ipxe");
	is_at("menu", "it waits in the menu");
	later();
	dhcp("vendor class: PXEClient", "PXE(br0) " MAC " proxy");
	is_at("DHCP", "its firmware asks, beside another DHCP server");
	is_int((long long)(now - k->start), 0, "since now");
	now += 5000;
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	is_int((long long)(now - k->start), 7000, "it asks again");
	now += 3600000;
	dhcp("vendor class: PXEClient", "DHCPDISCOVER(br0) " MAC);
	is_int((long long)(now - k->start), 0, "it was off for an hour");
	(void)server_says(ROOT_LINE("50000000", "50000000-99999999/100000000"));
	dhcp("vendor class: MSFT", ACK);
	is_at("up", "and now it is up");
	later();
}

#define CLAIM "<27>1 - pc9 tarboot " MAC " failure -"

/* A machine cannot write into another one's row, however it calls itself. */
static void test_lies(void)
{
	struct machine *other, *k = &room.machines[0];

	serve_log_learn(&log_, "10.7.0.66", "52:54:00:00:00:66", SERVE_BY_ARP);
	other = message_from("10.7.0.66", CLAIM, "it burns");
	ok(other && other != k && strcmp(other->mac, "52:54:00:00:00:66") == 0,
	   "a message with the MAC of another machine is of the one that has sent it");
	is_at("up", "the other one is as it was");
	ok(!message_from("10.7.0.77", CLAIM, "it burns"), "so is it when nobody knows the sender");
	is_int((long long)room.ignored, 1, "that is ignored");
	is_str(k->address, "10.7.0.9", "its address is as it was");
	(void)server_says("Nov 29 11:00:00 dnsmasq-dhcp[7]: 1 PXE(br0) 10.7.0.78 " MAC " x");
	is_str(k->address, "10.7.0.9", "nor is another one taken from what it asks");
	is_str(serve_log_mac(&log_, "10.7.0.78", SERVE_BY_ARP), "", "which is nothing to rely on");
	later();
	(void)server_says("Nov 29 11:00:00 dnsmasq-tftp[7]: file /srv/DHCPACK(br0) 10.7.0.9 "
			  "52:54:00:00:00:66 x not found for 10.7.0.66");
	is_str(serve_log_mac(&log_, "10.7.0.9", SERVE_BY_DHCP), MAC, "a file name is no DHCP");
	(void)server_says("2026/11/29 11:00:00 [error] 40#40: *2 open() \"/srv/dnsmasq-dhcp[7]: 1 "
			  "DHCPACK(br0) 10.7.0.9 52:54:00:00:00:66 x\" failed");
	is_str(serve_log_mac(&log_, "10.7.0.9", SERVE_BY_DHCP), MAC,
	       "nor is what is asked of the web server");
	(void)server_says(
		"Nov 29 11:00:00 dnsmasq-tftp[7]: sent /srv/tftp/x to 10.7.0.9 to 10.7.0.66");
	is_at("DHCP", "a name of a file that was sent neither");
	(void)init_says("failure", "\033[2J<script>\x80\n");
	is_str(k->failure, "\\033[2J<script>\\200", "what could steer a terminal is escaped");
	dhcp("vendor class: PXEClient", "DHCPACK(br0) 10.7.0.9 " MAC " \033]0;x\007");
	is_str(k->name, "\\033]0;x\\007", "in names, too");
}

static struct machine *claim(const char *address, unsigned number, const char *kind)
{
	char head[100];

	snprintf(head, sizeof(head), "<29>1 - - tarboot 06:00:00:00:%02x:%02x %s -", number >> 8,
		 number & 255, kind);
	return message_from(address, head, "hand over: x");
}

/* Machines that nobody has heard of but by their own messages. */
static void test_claims(void)
{
	size_t n = room.n;
	struct machine *k = claim("10.7.1.1", 1, "-");

	is_str(k ? k->address : "", "10.7.1.1", "a machine that only says that it is one");
	ok(k && k->source == SERVE_BY_ITSELF, "of its address that is known");
	ok(!claim("10.7.1.2", 1, "failure"), "another sender is not taken for it");
	now += 60000;
	ok(claim("10.7.1.2", 1, "-") == k, "after a while it is, since it may have a new address");
	ok(!message_from("10.7.1.2", "<29>1 - - tarboot 00:00:00:00:00:00 - -", "x"), "no MAC");
	ok(!message_from("10.7.1.2", "<29>1 - - tarboot 01:00:5e:00:00:01 - -", "x"),
	   "nor one of a group");
	for (unsigned i = 2; i < 2300; i++)
		(void)claim("10.7.1.4", i, i % 2 ? "-" : "failure");
	is_int((long long)(room.n - n), 1 + CLAIMS_MAX, "one sender may invent so many");
	ok(claim("10.7.1.4", 2299, "-"), "the last of them");
	ok(claim("10.7.1.3", 2300, "-"), "another sender has its own");
	is_int((long long)(room.n - n), 1 + CLAIMS_MAX + 1, "that are more");
	k = message_from("10.7.1.5", "<28>1 - - tarboot 06:00:00:00:ff:01 - -", "a warning");
	is_str(k ? machine_stage_name(k->stage) : "", "kernel",
	       "whatever init says, its kernel has started");
	k = message_from("10.7.1.6", "<27>1 - - tarboot 06:00:00:00:ff:02 failure -", "it burns");
	is_str(k ? machine_stage_name(k->before) : "", "kernel", "also when it fails");
}

static bool has_all(const char *first, unsigned n)
{
	char mac[MAC_TEXT_MAX];
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		snprintf(mac, sizeof(mac), "%s:%02x:%02x", first, i >> 8, i & 255);
		found += machine_places_find(&room, mac) != NULL;
	}
	return found == n;
}

/* Those whom a server knows stay, whoever floods. */
static void test_limits(void)
{
	char mac[MAC_TEXT_MAX], what[100], address[IPV4_TEXT_MAX];
	size_t n = room.n;
	uint64_t forgotten = room.forgotten;

	(void)init_says("-", "unpack root: 1.0 s");
	for (unsigned i = 0; i < 2 * MACHINES_MAX; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:%02x:%02x", i >> 8, i & 255);
		snprintf(what, sizeof(what), "DHCPDISCOVER(br0) %s", mac);
		dhcp("user class: iPXE", what);
		snprintf(what, sizeof(what), "DHCPDISCOVER(br0) 0a%s", mac + 2);
		dhcp("vendor class: PXEClient", what);
	}
	is_int((long long)room.n, MACHINES_MAX, "no more machines than there is room for");
	is_int((long long)(room.forgotten - forgotten),
	       (long long)(4 * MACHINES_MAX + n - MACHINES_MAX), "the others are counted");
	ok(machine_places_find(&room, MAC), "one that a server knows stays");
	for (unsigned i = 0; i < 500; i++) {
		snprintf(what, sizeof(what), "DHCPACK(br0) 10.8.%u.%u 0e:00:00:00:%02x:%02x pc",
			 i >> 8, i & 255, i >> 8, i & 255);
		dhcp("vendor class: PXEClient", what);
	}
	for (unsigned i = 0; i < 2300; i++) {
		snprintf(address, sizeof(address), "10.9.%u.%u", i >> 8, i & 255);
		(void)claim(address, i, "failure");
	}
	ok(has_all("0e:00:00:00", 500), "2300 inventions of 2300 senders displace no real machine");
	for (unsigned i = 500; i < MACHINES_MAX + 10; i++) {
		snprintf(what, sizeof(what), "DHCPACK(br0) 10.8.%u.%u 0e:00:00:00:%02x:%02x pc",
			 i >> 8, i & 255, i >> 8, i & 255);
		dhcp("vendor class: PXEClient", what);
	}
	ok(!claim("10.7.9.9", 9999, "-"), "in a room of real machines there is none for others");
	ok(machine_places_find(&room, MAC), "of real ones, those go first that came no further");
	for (unsigned i = 0; i < 3 * MACHINE_LINES_MAX; i++)
		(void)init_says("-", "a line");
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

static struct report_parts parts;

static void is_report(const char *want_mac, const char *want, const char *what)
{
	char mac[MAC_TEXT_MAX] = "";
	const char *text = report_parts_take(&parts, mac);

	is_str(text ? text : "none", want, "%s", what);
	is_str(mac, want_mac, "of that machine");
}

#define MAC2 "52:54:00:00:00:02"

static void test_reports(void)
{
	report_parts_add(&parts, MAC, "0/10 {\"a\"", 1);
	report_parts_add(&parts, MAC2, "0/4 xy", 2);
	is_report("", "none", "the first parts of two reports");
	report_parts_add(&parts, MAC, "4/10 : [1]}", 3);
	is_report(MAC, "{\"a\": [1]}", "the last part");
	is_report("", "none", "it is taken once");
	report_parts_add(&parts, MAC, "4/10 : [1]}", 3);
	report_parts_add(&parts, MAC, "0/4 xyz", 4);
	report_parts_add(&parts, MAC, "3/4 zz", 4); /* longer than it said */
	report_parts_add(&parts, MAC, "0/99999999 x", 4);
	report_parts_add(&parts, MAC, "0/1", 4);
	report_parts_add(&parts, MAC, "0/0 ", 4);
	report_parts_add(&parts, MAC, "x", 4);
	is_report("", "none", "parts that fit nowhere");
	report_parts_add(&parts, MAC2, "2/4 zz", 5);
	report_parts_add(&parts, MAC, "3/4 !", 6);
	is_report(MAC2, "xyzz", "what was whole first comes first");
	is_report(MAC, "xyz!", "then the next");
}

/* Who sends many takes nobody's place in the middle. */
static void test_reports_at_once(void)
{
	char mac[MAC_TEXT_MAX];

	report_parts_add(&parts, MAC, "0/4 xy", 10);
	for (unsigned i = 0; i < 3 * REPORTS_AT_ONCE; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", i);
		report_parts_add(&parts, mac, "2/4 zz",
				 11); /* without the first: it takes no place */
		report_parts_add(&parts, mac, i % 2 ? "0/2 zz" : "0/4 zz", 12);
	}
	report_parts_add(&parts, MAC, "2/4 zz", 13);
	for (unsigned i = 0; i < (REPORTS_AT_ONCE - 1) / 2; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", 2 * i + 1);
		is_report(mac, "zz", "one that is whole");
	}
	is_report(MAC, "xyzz", "and the first, too");
	report_parts_add(&parts, "02:00:00:00:01:00", "0/2 zz", 14);
	is_report("02:00:00:00:01:00", "zz", "there is room again");
	for (unsigned i = 0; i < REPORTS_AT_ONCE; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:02:%02x", i);
		report_parts_add(&parts, mac, "0/4 zz", 20 + REPORT_PAUSE_MS);
	}
	for (unsigned i = 0; i < REPORTS_AT_ONCE; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:02:%02x", i);
		report_parts_add(&parts, mac, "2/4 zz", 21 + REPORT_PAUSE_MS);
		is_report(mac, "zzzz", "those that stopped in the middle have made room");
	}
}

int main(void)
{
	test_boot();
	test_syslog();
	test_server_failure();
	test_own_script();
	test_retries();
	test_published();
	test_loaded();
	test_uki();
	test_order();
	test_late_transfers();
	test_switched_off();
	test_lies();
	test_claims();
	test_limits();
	test_syslog_line();
	test_reports();
	test_reports_at_once();
	return done_testing();
}
