/* The kernel command line: every key with good, bad and empty values, and the kernel's own rules. */
#include "parameters/params.h"

#include <errno.h>

#include "scratch.h"
#include "tap.h"

/* The params as text, only what is not the default, so that a table can say what it expects. */
static const char *describe(const struct params *p)
{
	static const char *const onfails[] = { "", " onfail=reboot", " onfail=poweroff",
					       " onfail=halt", " onfail=shell" };
	static char text[4096];
	const struct {
		const char *name;
		const struct text_param *value;
	} texts[] = { { "ip", &p->ip },
		      { "BOOTIF", &p->bootif },
		      { "nameserver", &p->nameserver },
		      { "vlan", &p->vlan } };
	int n = 0;

#define ADD(...) n += snprintf(text + n, sizeof(text) - (size_t)n, __VA_ARGS__)
	text[0] = '\0';
	if (p->size.kind != SIZE_AUTO)
		ADD(" size=%llu%s", (unsigned long long)p->size.value,
		    p->size.kind == SIZE_PERCENT ? "%" : "");
	if (p->zram.kind != ZRAM_AUTO)
		ADD(" zram=%s", p->zram.kind == ZRAM_OFF ? "off" : "");
	if (p->zram.value)
		ADD("%llu%s", (unsigned long long)p->zram.value,
		    p->zram.kind == ZRAM_PERCENT ? "%" : "");
	if (*p->rootfs)
		ADD(" rootfs=%s", p->rootfs);
	for (const char *l = p->layers; *l; l += strcspn(l, "\n") + 1)
		ADD(" layer=%.*s", (int)strcspn(l, "\n"), l);
	if (p->firmware_id)
		ADD(" machine-id");
	if (*p->init)
		ADD(" init=%s", p->init);
	if (*p->mount)
		ADD(" mount=%s", p->mount);
	if (params_mount_has_size(p))
		ADD(" sized");
	if (p->shell)
		ADD(" shell=%s%s%s%s", p->shell & SHELL_FAIL ? "f" : "",
		    p->shell & SHELL_START ? "s" : "", p->shell & SHELL_UNPACKED ? "u" : "",
		    p->shell & SHELL_END ? "e" : "");
	ADD("%s", onfails[p->onfail]);
	if (p->has_failwait)
		ADD(" failwait=%ld", p->failwait);
	if (p->has_panic)
		ADD(" panic=%ld", p->panic);
	if (p->threads)
		ADD(" threads=%u", p->threads);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (*texts[i].value->text || texts[i].value->is_too_long)
			ADD(" %s=%s%s", texts[i].name, texts[i].value->text,
			    texts[i].value->is_too_long ? "..." : "");
	if (*p->proxy)
		ADD(" proxy=%s", p->proxy);
	if (p->has_log || *p->log)
		ADD(" log=%s%s", p->log, p->has_log ? "" : "?");
	if (p->netwait != 600)
		ADD(" netwait=%ld", p->netwait);
	ADD("%s%s", p->keep_network ? " net=keep" : "",
	    p->verify          ? (p->verify_layers ? "" : " verify=root")
	    : p->verify_layers ? " verify=?"
			       : " verify=no");
	ADD("%s%s%s", p->hotplug ? "" : " hotplug=off", p->quiet ? " quiet" : "",
	    p->debug ? " debug" : "");
	for (size_t i = 0; i < p->n_unknown; i++)
		if (i < UNKNOWN_MAX)
			ADD(" unknown=%s(%s)", p->unknown[i].key, p->unknown[i].suggestion);
		else
			ADD(" unknown");
#undef ADD
	return *text ? text + 1 : text;
}

static const struct {
	const char *cmdline, *want;
} good[] = {
	/* none of ours */
	{ "", "" },
	{ "\n", "" },
	{ " \t\n ", "" },
	{ "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro rw quietly panicky=3 splash\n", "" },
	{ "size=5 tarboot=3 xtarboot.size=7 TARBOOT.SIZE=1g Quiet init.d=/x rdinit=/x", "" },
	{ "= == =x \"\" \"", "" },

	/* tarboot.size */
	{ "tarboot.size=1500m", "size=1572864000" },
	{ "tarboot.size=75%", "size=75%" },
	{ "tarboot.size=auto", "" },
	{ "tarboot.size=2G tarboot.size=auto", "" },
	{ "tarboot.size=1g tarboot.size=50%", "size=50%" },

	/* tarboot.zram */
	{ "tarboot.zram=off", "zram=off" },
	{ "tarboot.zram=auto", "" },
	{ "tarboot.zram=off tarboot.zram=auto", "" },
	{ "tarboot.zram=512m", "zram=536870912" },
	{ "tarboot.zram=1m", "zram=1048576" },
	{ "tarboot.zram=150%", "zram=150%" },
	{ "tarboot.zram=1000%", "zram=1000%" },
	{ "tarboot.zram=1%", "zram=1%" },

	/* paths */
	{ "tarboot.rootfs=/other.tar.xz", "rootfs=/other.tar.xz" },
	{ "tarboot.rootfs=/a tarboot.rootfs=/b", "rootfs=/b" },
	{ "tarboot.rootfs=/", "rootfs=/" },
	{ "tarboot.rootfs=/with=equal=signs", "rootfs=/with=equal=signs" },

	/* tarboot.layer adds to those before */
	{ "tarboot.layer=/l.tar", "layer=/l.tar" },
	{ "tarboot.layer=/b tarboot.layer=/a? tarboot.layer=http://s/${mac}.tar.xz?",
	  "layer=/b layer=/a? layer=http://s/${mac}.tar.xz?" },
	{ "tarboot.verify=root", "verify=root" },
	{ "tarboot.verify=root tarboot.verify=yes", "" },
	{ "tarboot.verify=no tarboot.verify=root", "verify=root" },
	{ "tarboot.machine-id=firmware", "machine-id" },
	{ "tarboot.rootfs=/\xff\xfe\xc3\xa9", "rootfs=/\xff\xfe\xc3\xa9" },
	{ "tarboot.init=/bin/sh", "init=/bin/sh" },
	{ "init=/bin/sh", "init=/bin/sh" },
	{ "init=/a tarboot.init=/b", "init=/b" },
	{ "tarboot.init=/b init=/a", "init=/a" },

	/* where the root comes from, and how */
	{ "tarboot.rootfs=http://server/root.tar.xz,http://[2001:db8::1]:8080/r",
	  "rootfs=http://server/root.tar.xz,http://[2001:db8::1]:8080/r" },
	{ "tarboot.proxy=http://proxy:3128", "proxy=http://proxy:3128" },
	{ "tarboot.log=10.0.0.1", "log=10.0.0.1" },
	{ "tarboot.log=", "log=" },
	{ "tarboot.log=10.0.0.1 tarboot.log=", "log=" },
	{ "tarboot.log=logs.example.org:5514", "log=logs.example.org:5514" },
	{ "tarboot.log=[2001:db8::1]:514", "log=[2001:db8::1]:514" },
	{ "tarboot.log=[2001:db8::1]", "log=[2001:db8::1]" },
	{ "tarboot.log=fd00::1", "log=fd00::1" },
	{ "tarboot.proxy=http://proxy:3128 tarboot.proxy=", "" },
	{ "tarboot.verify=no", "verify=no" },
	{ "tarboot.verify=no tarboot.verify=yes", "" },
	{ "tarboot.netwait=0", "netwait=0" },
	{ "tarboot.netwait=2147483", "netwait=2147483" },
	{ "tarboot.net=keep", "net=keep" },
	{ "tarboot.net=keep tarboot.net=down", "" },

	/* what others set, too: it stops no boot, and all of several count */
	{ "ip=dhcp BOOTIF=01-52-54-00-12-34-56", "ip=dhcp BOOTIF=01-52-54-00-12-34-56" },
	{ "ip=eth0:dhcp ip=10.0.0.5::10.0.0.1:24::eth1:none",
	  "ip=eth0:dhcp 10.0.0.5::10.0.0.1:24::eth1:none" },
	{ "nameserver=10.0.0.1 vlan=vlan5:eth0 nameserver=10.0.0.2 nameserver=",
	  "nameserver=10.0.0.1 10.0.0.2 vlan=vlan5:eth0" },
	{ "ip ip= ip=rubbish BOOTIF", "ip=rubbish" },

	/* tarboot.mount */
	{ "tarboot.mount=nr_inodes=5k,huge=never", "mount=nr_inodes=5k,huge=never" },
	{ "tarboot.mount=", "" },
	{ "tarboot.mount=size=300m", "mount=size=300m sized" },
	{ "tarboot.mount=mpol=local,nr_blocks=9", "mount=mpol=local,nr_blocks=9 sized" },
	{ "tarboot.mount=mpol=local tarboot.mount=", "" },

	/* tarboot.shell */
	{ "tarboot.shell", "shell=f" },
	{ "tarboot.shell=fail", "shell=f" },
	{ "tarboot.shell=start", "shell=s" },
	{ "tarboot.shell=unpacked", "shell=u" },
	{ "tarboot.shell=end", "shell=e" },
	{ "tarboot.shell=end,start,unpacked,fail", "shell=fsue" },
	{ "tarboot.shell=end,end", "shell=e" },
	{ "tarboot.shell=start tarboot.shell=end", "shell=e" },
	{ "tarboot.shell=start tarboot.shell", "shell=f" },

	/* what happens after a failure */
	{ "tarboot.onfail=reboot", "onfail=reboot" },
	{ "tarboot.onfail=poweroff", "onfail=poweroff" },
	{ "tarboot.onfail=halt", "onfail=halt" },
	{ "tarboot.onfail=shell", "onfail=shell" },
	{ "tarboot.onfail=shell tarboot.onfail=halt", "onfail=halt" },
	{ "tarboot.failwait=0", "failwait=0" },
	{ "tarboot.failwait=5 tarboot.failwait=7", "failwait=7" },
	{ "tarboot.failwait=2147483647", "failwait=2147483647" },
	{ "panic=60", "panic=60" },
	{ "panic=-1", "panic=-1" },
	{ "panic=0", "panic=0" },
	{ "panic=5 panic=10", "panic=10" },
	/* a bad panic= stops no boot: the kernel has its own opinion */
	{ "panic=", "" },
	{ "panic", "" },
	{ "panic=soon", "" },
	{ "panic=5x", "" },
	{ "panic=99999999999999999999", "" },
	{ "panic=7 panic=soon", "panic=7" },

	/* numbers and switches */
	{ "tarboot.threads=1", "threads=1" },
	{ "tarboot.threads=4096", "threads=4096" },
	{ "tarboot.hotplug=off", "hotplug=off" },
	{ "tarboot.hotplug=0", "hotplug=off" },
	{ "tarboot.hotplug=n", "hotplug=off" },
	{ "tarboot.hotplug=no", "hotplug=off" },
	{ "tarboot.hotplug=false", "hotplug=off" },
	{ "tarboot.hotplug", "" },
	{ "tarboot.hotplug=off tarboot.hotplug=on", "" },
	{ "tarboot.quiet", "quiet" },
	{ "tarboot.quiet=1", "quiet" },
	{ "tarboot.quiet=yes tarboot.debug=true", "quiet debug" },
	{ "quiet", "quiet" },
	{ "quiet tarboot.quiet=off", "" },
	{ "tarboot.quiet=off quiet", "quiet" },
	{ "tarboot.debug=y", "debug" },
	{ "debug", "debug" },
	{ "quiet=splash debug=pci", "" },

	/* keys that are none */
	{ "tarboot.siez=1g", "unknown=tarboot.siez(tarboot.size)" },
	{ "tarboot.thread=1", "unknown=tarboot.thread(tarboot.threads)" },
	{ "tarboot.on-fail=halt", "unknown=tarboot.on-fail(tarboot.onfail)" },
	{ "tarboot.Size=1g", "unknown=tarboot.Size(tarboot.size)" },
	{ "tarboot.shel tarboot.siz=3 tarboot.size=1k",
	  "size=1024 unknown=tarboot.shel(tarboot.shell) unknown=tarboot.siz(tarboot.size)" },
	{ "tarboot.siez=1g tarboot.siez tarboot.siez=2g", "unknown=tarboot.siez(tarboot.size)" },
	{ "tarboot.ini tarboot.siez tarboot.shel tarboot.lgo tarboot.x tarboot.ini tarboot.y",
	  "unknown=tarboot.ini(tarboot.init) unknown=tarboot.siez(tarboot.size) "
	  "unknown=tarboot.shel(tarboot.shell) unknown=tarboot.lgo(tarboot.log) unknown unknown" },

	/* quotes: a quoted value may hold blanks; the quotes are not part of it */
	{ "tarboot.mount=\"a b\" quiet", "mount=a b quiet" },
	{ "\"tarboot.mount=a b\" quiet", "mount=a b quiet" },
	{ "tarboot.mount=\"\" quiet", "quiet" },
	{ "tarboot.mount=\"not ended quiet", "mount=not ended quiet" },
	{ "note=\"tarboot.size=bad quiet\" debug", "debug" },
	{ "note=\"--\" quiet", "quiet" },
	{ "\"--\" quiet", "" },
	{ "\"quiet\" debug", "quiet debug" },
	{ "tarboot.mount=a\"b c\"d quiet", "mount=a\"b c\"d quiet" }, /* only quotes around it go */
	{ "tarboot.mount=\"a b\"c quiet", "mount=a b\"c quiet" },
	{ "=tarboot.quiet quiet=\"", "" },

	/* what follows -- is for the new init */
	{ "quiet -- tarboot.size=bad debug", "quiet" },
	{ "-- quiet", "" },
	{ "--quiet --debug debug", "debug" },
	{ "x=-- debug", "debug" },

	/* blanks of all kinds */
	{ "\tquiet\ttarboot.threads=3\n", "threads=3 quiet" },
	{ "\x0bquiet\x0c"
	  "debug\r\n",
	  "quiet debug" },
};

/* The failure must name both key and value. */
static const struct {
	const char *key, *value; /* NULL: the key alone */
} bad[] = {
	{ "tarboot.size", "" },
	{ "tarboot.size", NULL },
	{ "tarboot.size", "lots" },
	{ "tarboot.size", "0" },
	{ "tarboot.size", "101%" },
	{ "tarboot.size", "1500mb" },
	{ "tarboot.zram", "" },
	{ "tarboot.zram", NULL },
	{ "tarboot.zram", "yes" },
	{ "tarboot.zram", "0" },
	{ "tarboot.zram", "0%" },
	{ "tarboot.zram", "1001%" },
	{ "tarboot.zram", "18446744073709551617%" },
	{ "tarboot.zram", "50%x" },
	{ "tarboot.zram", "1023k" },
	{ "tarboot.zram", "-1m" },
	{ "tarboot.rootfs", "" },
	{ "tarboot.rootfs", NULL },
	{ "tarboot.rootfs", "rootfs.tar.xz" },
	{ "tarboot.rootfs", "https://server/root.tar.xz" },
	{ "tarboot.rootfs", "http://" },
	{ "tarboot.rootfs", "http://server" },
	{ "tarboot.rootfs", "ftp://server/root.tar.xz" },
	{ "tarboot.layer", "" },
	{ "tarboot.layer", NULL },
	{ "tarboot.layer", "?" },
	{ "tarboot.layer", "l.tar" },
	{ "tarboot.layer", "/l.tar#12" },
	{ "tarboot.layer", "/${macs}.tar" },
	{ "tarboot.layer", "http://server" },
	{ "tarboot.layer", "http://${hostname}/l.tar" },
	{ "tarboot.layer", "https://server/l.tar" },
	{ "tarboot.machine-id", NULL },
	{ "tarboot.machine-id", "random" },
	{ "tarboot.proxy", NULL },
	{ "tarboot.log", NULL },
	{ "tarboot.log=host:0", "host:0" },
	{ "tarboot.log=host:99999", "host:99999" },
	{ "tarboot.log=user@host", "user@host" },
	{ "tarboot.log=host/514", "host/514" },
	{ "tarboot.log=host:514/", "host:514/" },
	{ "tarboot.log=host:514?x", "host:514?x" },
	{ "tarboot.log=http://host", "http://host" },
	{ "tarboot.log=[2001:db8::1", "[2001:db8::1" },
	{ "tarboot.log=fd00::1::2", "fd00::1::2" },
	{ "tarboot.proxy", "proxy:3128" },
	{ "tarboot.proxy", "http://proxy:99999" },
	{ "tarboot.verify", "perhaps" },
	{ "tarboot.netwait", "" },
	{ "tarboot.netwait", NULL },
	{ "tarboot.netwait", "-1" },
	{ "tarboot.netwait", "10m" },
	{ "tarboot.netwait", "2147484" },
	{ "tarboot.net", NULL },
	{ "tarboot.net", "up" },
	{ "tarboot.init", "" },
	{ "tarboot.init", NULL },
	{ "tarboot.init", "sbin/init" },
	{ "init", "" },
	{ "init", "sh" },
	{ "tarboot.mount", NULL },
	{ "tarboot.shell", "" },
	{ "tarboot.shell", "no" },
	{ "tarboot.shell", "fail," },
	{ "tarboot.shell", ",fail" },
	{ "tarboot.shell", "fail,,end" },
	{ "tarboot.shell", "failed" },
	{ "tarboot.shell", "Fail" },
	{ "tarboot.onfail", "" },
	{ "tarboot.onfail", NULL },
	{ "tarboot.onfail", "restart" },
	{ "tarboot.onfail", "reboot "
			    "now" },
	{ "tarboot.failwait", "" },
	{ "tarboot.failwait", NULL },
	{ "tarboot.failwait", "-1" },
	{ "tarboot.failwait", "1.5" },
	{ "tarboot.failwait", "10s" },
	{ "tarboot.failwait", "2147483648" },
	{ "tarboot.failwait", "99999999999999999999999" },
	{ "tarboot.threads", "" },
	{ "tarboot.threads", NULL },
	{ "tarboot.threads", "0" },
	{ "tarboot.threads", "-2" },
	{ "tarboot.threads", "4097" },
	{ "tarboot.threads", "two" },
	{ "tarboot.hotplug", "" },
	{ "tarboot.hotplug", "maybe" },
	{ "tarboot.quiet", "" },
	{ "tarboot.quiet", "2" },
	{ "tarboot.debug", "" },
	{ "tarboot.debug", "ON!" },
};

static int parse(const char *cmdline, struct params *ret, struct fail *f)
{
	char *copy = exact_copy(cmdline, strlen(cmdline) + 1);
	int r = params_parse(copy, ret, f);

	free(copy);
	return r;
}

static void test_good(void)
{
	struct params p;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		f = (struct fail){ 0 };
		memset(&p, 0x5a, sizeof(p));
		if (parse(good[i].cmdline, &p, &f) < 0)
			ok(false, "[%s] is refused: %s: %s", good[i].cmdline, f.what, f.why);
		else
			is_str(describe(&p), good[i].want, "[%s]", good[i].cmdline);
	}
}

static void test_bad(void)
{
	char cmdline[256];
	struct params p;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *value = bad[i].value;

		snprintf(cmdline, sizeof(cmdline), "quiet \"%s%s%s\" debug", bad[i].key,
			 value ? "=" : "", value ? value : "");
		memset(&f, 0, sizeof(f));
		is_int(parse(cmdline, &p, &f), -EINVAL, "[%s] is refused", cmdline);
		ok(strstr(f.what, bad[i].key) && (!value || strstr(f.what, value)) && *f.why &&
			   f.error == EINVAL,
		   "naming it: %s: %s", f.what, f.why);
		is_str(describe(&p), "quiet debug", "the others are read all the same");
	}
	is_int(parse("tarboot.size=\xff\xfe", &p, &f), -EINVAL,
	       "bytes that are no text are refused");
	is_str(f.what, "kernel parameter tarboot.size=\\377\\376", "and named as escapes");
}

/* The kernel hands over up to 2 KiB, some up to 64 KiB. */
static void test_long(void)
{
	static const char *const keys[] = { "tarboot.rootfs", "tarboot.init",   "init",
					    "tarboot.mount",  "tarboot.size",   "tarboot.shell",
					    "tarboot.onfail", "tarboot.threads" };
	static char cmdline[70000];
	struct params p;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = (size_t)sprintf(cmdline, "%s=/", keys[i]);

		memset(cmdline + n, 'x', 2000);
		strcpy(cmdline + n + 2000, " quiet");
		is_int(parse(cmdline, &p, &f), -EINVAL, "2 kB of %s are refused", keys[i]);
		ok(strstr(f.what, keys[i]) && *f.why, "naming the key");
	}
	memset(cmdline, 'x', 65000);
	strcpy(cmdline + 65000, "=y quiet");
	is_int(parse(cmdline, &p, &f), 0, "64 kB that are not ours");
	is_str(describe(&p), "quiet", "and what follows counts");
	memcpy(cmdline, "tarboot.", 8);
	is_int(parse(cmdline, &p, &f), 0, "an unknown key of 64 kB");
	ok(strncmp(p.unknown[0].key, "tarboot.xxx", 11) == 0 &&
		   strlen(p.unknown[0].key) < sizeof(p.unknown[0].key),
	   "is told, cut");
}

static void test_longest_text(void)
{
	char cmdline[ROOTFS_MAX + 100], path[ROOTFS_MAX];
	struct params p;
	struct fail f;

	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[ROOTFS_MAX - 1] = '\0';
	snprintf(cmdline, sizeof(cmdline), "tarboot.rootfs=%s", path);
	is_int(parse(cmdline, &p, &f), 0, "a path of 1023 bytes");
	is_str(p.rootfs, path, "is whole");
	strcat(cmdline, "p");
	is_int(parse(cmdline, &p, &f), -EINVAL, "one of 1024 is refused");
}

/* More than there is room for is told when a root is fetched, and stops no other boot. */
static void test_many_addresses(void)
{
	char cmdline[2048] = "";
	struct params p;
	struct fail f;

	for (size_t i = 0; i < 40; i++)
		strcat(cmdline, "nameserver=192.168.100.10 ");
	is_int(parse(cmdline, &p, &f), 0, "more name servers than there is room for");
	ok(p.nameserver.is_too_long, "is known");
	is_int((int)strlen(p.nameserver.text), 509, "and those that have room are whole");
}

/* As `tarboot run --append` does it. */
static void test_known(void)
{
	static struct params p;
	struct fail f = { 0 };

	is_int(parse("tarboot.size=1g quiet x.sise=1", &p, &f), 0, "known keys");
	is_int(params_check_known(&p, 0, &f), 0, "all of them");
	is_int(parse("tarboot.size=1g tarboot.sise=1g tarboot.ini", &p, &f), 0, "unknown ones");
	is_int(params_check_known(&p, 0, &f), -EINVAL, "are told");
	is_str(f.what, "tarboot.sise", "the first");
	is_str(f.why, "unknown parameter; did you mean tarboot.size?", "and what is meant");
	is_int(params_check_known(&p, 1, &f), -EINVAL, "the next one, too");
	is_str(f.what, "tarboot.ini", "by its name");
	is_str(f.why, "unknown parameter; did you mean tarboot.init?", "and what is meant");
	is_int(params_check_known(&p, 2, &f), 0, "there are no more");

	is_int(parse("tarboot.a tarboot.b tarboot.c tarboot.d tarboot.e tarboot.f", &p, &f), 0,
	       "six unknown ones");
	is_int(params_check_known(&p, 3, &f), -EINVAL, "the fourth is told");
	is_str(f.what, "tarboot.d", "by its name");
	is_int(params_check_known(&p, 4, &f), -EINVAL, "of the others");
	is_str(f.why, "it has more unknown tarboot.* parameters: 2", "the number");
	is_int(params_check_known(&p, 5, &f), 0, "and that is all");
}

int main(void)
{
	test_good();
	test_bad();
	test_long();
	test_longest_text();
	test_many_addresses();
	test_known();
	return done_testing();
}
