/* The watcher of a serial console: step lines with their numbers, and the login prompt. */
#include "command/boot_watch.h"

#include <errno.h>
#include <math.h>

#include "tap.h"

static void feed(struct boot_watch *w, const char *text)
{
	boot_watch_feed(w, text, strlen(text));
}

static bool step_is(const struct boot_watch *w, size_t i, const char *name, double seconds,
		    const char *detail)
{
	return i < w->n_steps && strcmp(w->steps[i].name, name) == 0 &&
	       fabs(w->steps[i].seconds - seconds) < 1e-9 &&
	       strcmp(w->steps[i].detail, detail) == 0;
}

static const struct {
	const char *line, *name; /* NULL = no step */
	double seconds;
	const char *detail;
} lines[] = {
	{ "tarboot: mount root: 0.001 s\n", "mount root", 0.001, "" },
	{ "[    1.234567] tarboot: unpack root: 2.950 s, 663.0 MiB, 23587 members\n", "unpack root",
	  2.95, "663.0 MiB, 23587 members" },
	{ "tarboot: find payload: 0.000 s\r\n", "find payload", 0, "" },
	{ "<6>tarboot: check memory: 12 s, root of 1.2 GiB\n", "check memory", 12,
	  "root of 1.2 GiB" },
	{ "tarboot: unpack root: 30 %\n", NULL, 0, NULL },
	{ "tarboot: warning: 3 of them\n", NULL, 0, NULL },
	{ "tarboot: FAILED: find payload\n", NULL, 0, NULL },
	{ "tarboot: 0.5 s\n", NULL, 0, NULL },
	{ "tarboot: \n", NULL, 0, NULL },
	{ "tarboot:\n", NULL, 0, NULL },
	{ "tarboot: name: \n", NULL, 0, NULL },
	{ "tarboot: name: s\n", NULL, 0, NULL },
	{ "tarboot: name: 1.5\n", NULL, 0, NULL },
	{ "systemd: Started foo: 1.0 s\n", NULL, 0, NULL },
	{ "\n", NULL, 0, NULL },
	{ "tarboot: a name that is much longer than any step of the boot has: 1 s\n", NULL, 0,
	  NULL },
};

static void test_lines(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct boot_watch w = { 0 };

		feed(&w, lines[i].line);
		if (lines[i].name)
			ok(w.n_steps == 1 &&
				   step_is(&w, 0, lines[i].name, lines[i].seconds, lines[i].detail),
			   "a step: %s", lines[i].line);
		else
			is_int((long long)w.n_steps, 0, "no step: %s", lines[i].line);
		ok(!boot_watch_is_done(&w), "no prompt");
	}
}

static const char boot_text[] =
	"\x1b[2J[    0.0] Linux version 6.1\r\n"
	"[    1.0] tarboot: mount kernel file systems: 0.004 s\r\n"
	"[    1.1] tarboot: check memory: 0.000 s, root of 1.0 GiB, 1.9 GiB available\r\n"
	"[    1.2] tarboot: start init: /usr/lib/systemd/systemd, 3.1 s after the kernel\r\n"
	"Debian GNU/Linux 12 demo ttyS0\r\n\r\ndemo login: ";

static void check_boot(const struct boot_watch *w, const char *how)
{
	is_int((long long)w->n_steps, 2, "%s: two steps", how);
	ok(step_is(w, 0, "mount kernel file systems", 0.004, "") &&
		   step_is(w, 1, "check memory", 0, "root of 1.0 GiB, 1.9 GiB available"),
	   "%s: with their numbers", how);
	is_str(w->start_init, "/usr/lib/systemd/systemd, 3.1 s after the kernel", "%s: the init",
	       how);
	ok(boot_watch_is_done(w), "%s: the prompt", how);
}

static void test_boot(void)
{
	struct boot_watch whole = { 0 }, bytes = { 0 };
	bool early = false;

	feed(&whole, boot_text);
	check_boot(&whole, "at once");
	for (size_t i = 0; i + 1 < sizeof(boot_text); i++) {
		early = early || boot_watch_is_done(&bytes);
		boot_watch_feed(&bytes, boot_text + i, 1);
	}
	ok(!early, "no prompt before its last byte");
	check_boot(&bytes, "byte by byte");
}

static void test_prompt(void)
{
	static const struct {
		const char *text;
		bool done;
	} prompts[] = {
		{ "demo login: ", true },      { "demo login:", false },
		{ "login: ", false },          { "demo login: root\n", true },
		{ "demo login\n: ", false },   { "Last login: yesterday", true },
		{ "x\n\ndemo login: ", true }, { "demo log\rin: ", true },
		{ "demo logi\0n: ", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(prompts); i++) {
		struct boot_watch w = { 0 };

		feed(&w, prompts[i].text);
		ok(boot_watch_is_done(&w) == prompts[i].done, "%s: %s", prompts[i].text,
		   prompts[i].done ? "a prompt" : "none");
	}
}

/* Consoles print anything. */
static void test_noise(void)
{
	struct boot_watch w = { 0 };
	char line[2000];

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 10; i++)
		boot_watch_feed(&w, line, sizeof(line));
	feed(&w, "\ntarboot: a: 1 s\n");
	ok(w.n_steps == 1 && step_is(&w, 0, "a", 1, ""), "a step after a line of 20 kB");
	for (int byte = 0; byte < 256; byte++)
		line[byte] = (char)byte;
	for (int i = 0; i < 100; i++)
		boot_watch_feed(&w, line, 256);
	feed(&w, "\ntarboot: b: 2 s\n");
	ok(w.n_steps == 2 && step_is(&w, 1, "b", 2, ""), "a step after every byte there is");
	for (int i = 0; i < 100; i++)
		feed(&w, "tarboot: c: 3 s\n");
	is_int((long long)w.n_steps, WATCH_STEPS_MAX, "no more steps than there is room for");
	snprintf(line, sizeof(line), "tarboot: d: 4 s, %0400d\ntarboot: start init: %0400d\n", 1,
		 2);
	w.n_steps = 0;
	feed(&w, line);
	ok(w.n_steps == 1 && strlen(w.steps[0].detail) == sizeof(w.steps[0].detail) - 1 &&
		   strlen(w.start_init) == sizeof(w.start_init) - 1,
	   "long texts are cut");
}

#define BLOCK                                                                               \
	"\r\ntarboot: FAILED: unpack root\r\n  what: payload /rootfs.tar.xz\r\n"            \
	"  why:  Block 3 (byte 4096) is damaged: the check does not match (last member\r\n" \
	"        bin/sh)\r\n  do:   Copy the image again.\r\n  then: rebooting now\r\n"
#define FAILED                                                                          \
	"the boot failed: unpack root: payload /rootfs.tar.xz: Block 3 (byte 4096) is " \
	"damaged: the check does not match (last member bin/sh)"
#define OTHER_BLOCK "tarboot: FAILED: mount root\n  what: tmpfs\n  why:  no\n  do:   x\n"
#define PANIC "[    0.9] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0\n"

static const struct {
	const char *text, *why; /* NULL = no failure */
} ends[] = {
	{ boot_text, NULL },
	{ BLOCK, FAILED },
	{ BLOCK "        no part of it\n  what: no other\n", FAILED },
	{ BLOCK OTHER_BLOCK, "the boot failed: mount root: tmpfs: no" },
	{ BLOCK "tarboot: mount root: 0.001 s\n", FAILED },
	{ BLOCK "tarboot: start init: /sbin/init after 3 s\n", NULL },
	{ BLOCK "demo login: ", NULL },
	{ "tarboot: start init: /sbin/init after 3 s\n" BLOCK, FAILED },
	{ "cat: tarboot: FAILED: is in the log\n  what: that\n  why:  no failure\n", NULL },
	{ PANIC, "the kernel panicked: Attempted to kill init! exitcode=0x0" },
	{ BLOCK PANIC "Kernel panic - not syncing: again\n",
	  "the kernel panicked: Attempted to kill init! exitcode=0x0" },
	{ "Kernel panic - not syncing: at once\n", "the kernel panicked: at once" },
	{ "[12345.678901] Kernel panic - not syncing: late\n", "the kernel panicked: late" },
	{ PANIC "[    0.0] Linux version 6.1\ndemo login: ", NULL },
	{ "demo login: " PANIC "\n" PANIC,
	  "the kernel panicked: Attempted to kill init! exitcode=0x0" },
	{ "root: " PANIC, NULL },
	{ "Nov 29 23:00:00 demo kernel: Kernel panic - not syncing: of yesterday\n", NULL },
	{ "[demo] Kernel panic - not syncing: no time\n", NULL },
};

static void test_failures(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct boot_watch w = { 0 };
		struct fail f = { 0 };

		feed(&w, ends[i].text);
		is_int(boot_watch_check(&w, "x.img", &f), ends[i].why ? -EIO : 0, "end %zu", i);
		is_str(f.why, ends[i].why ? ends[i].why : "", "end %zu: why", i);
		is_str(f.what, ends[i].why ? "x.img" : "", "end %zu: of which image", i);
	}
}

int main(void)
{
	test_lines();
	test_boot();
	test_prompt();
	test_noise();
	test_failures();
	return done_testing();
}
