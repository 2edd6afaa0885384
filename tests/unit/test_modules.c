/* What is loaded, in which order and with which options, and what people are told: the kernel is this file. */
#include "devices/modules.h"

#include <errno.h>
#include <lzma.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <zstd.h>

#include "base/console.h"
#include "modules/modindex.h"
#include "scratch.h"
#include "tap.h"
#include "wrap.h"

#define DIRECTORY "lib/modules/5.4.0-test"

static char loaded[2048], lines[4096]; /* " name[options]" of each; "LEVEL TEXT\n" of each */
static unsigned n_searches;
static bool kernel_unpacks; /* as from Linux 5.17 on */
static char root_path[sizeof(scratch_base) + 8];

_printf_(2, 3) void __wrap_console_log(enum log_level level, const char *text, ...);

WRAP(void, console_log, (enum log_level level, const char *text, ...))
{
	size_t n = strlen(lines);
	va_list ap;

	n += (size_t)snprintf(lines + n, sizeof(lines) - n, "%d ", (int)level);
	va_start(ap, text);
	vsnprintf(lines + n, sizeof(lines) - n, text, ap);
	va_end(ap);
	strcat(lines, "\n");
}

WRAP(int, uname, (struct utsname * u))
{
	strcpy(u->release, "5.4.0-test");
	return 0;
}

WRAP(void, modindex_match,
     (const struct modindex *m, const char *modalias, void (*found)(const char *name, void *arg),
      void *arg))
{
	n_searches++;
	REAL(modindex_match)(m, modalias, found, arg);
}

/* The file says its name, or the error that the kernel has for it. */
static long finit_module(int fd, const char *options, int flags)
{
	char text[64] = "";
	size_t n = strlen(loaded);

	if (flags && kernel_unpacks) {
		strcat(loaded, " (as it is)");
		return 0;
	}
	if (flags) {
		errno = EINVAL; /* Linux 5.4 */
		return -1;
	}
	(void)!pread(fd, text, sizeof(text) - 1, 0);
	if (atoi(text)) {
		errno = atoi(text);
		return -1;
	}
	snprintf(loaded + n, sizeof(loaded) - n, " %s%s%s%s", text, *options ? "[" : "", options,
		 *options ? "]" : "");
	return 0;
}

WRAP(long, syscall, (long number, long a, long b, long c, long d, long e, long f))
{
	if (number == SYS_finit_module)
		return finit_module((int)a, (const char *)b, (int)c);
	if (number == SYS_init_module) {
		sprintf(loaded + strlen(loaded), " %.*s(unpacked)", (int)b, (const char *)a);
		return 0;
	}
	return REAL(syscall)(number, a, b, c, d, e, f);
}

static void add_module(int root, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), DIRECTORY "/%s.ko", name);
	put_file(root, path, name, 0644);
}

/* An error number as the content of a module. */
static void add_broken(int root, const char *name, int error)
{
	char path[160], text[16];

	snprintf(path, sizeof(path), DIRECTORY "/%s.ko", name);
	snprintf(text, sizeof(text), "%d", error);
	put_file(root, path, text, 0644);
}

static void add_compressed(int root)
{
	uint8_t xz[256];
	char zstd[256];
	size_t n = 0;

	if (lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, (const uint8_t *)"xz", 2, xz, &n,
				    sizeof(xz)) != LZMA_OK)
		scratch_die("xz");
	put_data(root, DIRECTORY "/xz.ko.xz", xz, n, 0644);
	n = ZSTD_compress(zstd, sizeof(zstd), "zst", 3, 1);
	put_data(root, DIRECTORY "/zst.ko.zst", zstd, n, 0644);
	put_data(root, DIRECTORY "/cut.ko.zst", zstd, n - 1, 0644);
}

static void make_directories(int root)
{
	static const char *const names[] = { "lib",
					     "lib/modules",
					     DIRECTORY,
					     "lib/modprobe.d",
					     "etc",
					     "etc/modprobe.d",
					     "run",
					     "run/modprobe.d",
					     "usr",
					     "usr/lib",
					     "usr/lib/modprobe.d",
					     "proc" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		must(mkdirat(root, names[i], 0755));
}

static void make_root(int root)
{
	make_directories(root);
	put_file(root, DIRECTORY "/modules.dep",
		 "a.ko: c.ko b.ko\nb.ko:\nc.ko: b.ko\nd.ko:\ncpu.ko:\nbad.ko: "
		 "c.ko\ngone.ko:\nno-device.ko:\n"
		 "there.ko:\nsymbol.ko:\nformat.ko:\nkey.ko:\nzip.ko.gz:\nnever.ko:\ncommand.ko:\n"
		 "soft.ko:\nlist.ko:\nneeds-never.ko: never.ko\nxz.ko.xz:\nzst.ko.zst: "
		 "xz.ko.xz\ncut.ko.zst:\n",
		 0644);
	put_file(root, DIRECTORY "/modules.alias",
		 "alias dev:a a\nalias dev:cpu* cpu\nalias feature d\nalias dev:bad bad\nalias "
		 "dev:gone gone\n"
		 "alias dev:none no_device\nalias dev:there there\nalias dev:symbol symbol\n"
		 "alias dev:format format\nalias dev:key key\nalias dev:zip zip\nalias dev:never "
		 "needs_never\n"
		 "alias dev:command command\nalias dev:soft soft\nalias dev:list list\nalias "
		 "dev:theirs bad\nalias dev:zst zst\nalias dev:cut cut\n",
		 0644);
	put_file(root, DIRECTORY "/modules.softdep",
		 "softdep a pre: feature post: nothing\nsoftdep soft pre: b", 0644);
	put_file(root, "proc/cmdline",
		 "quiet a.x=\"1 2\" tarboot.rootfs=/a.tar.xz module_blacklist=list\n", 0644);
	for (const char *name = "a\0b\0c\0d\0cpu\0never\0command\0soft\0list\0needs-never\0"; *name;
	     name += strlen(name) + 1)
		add_module(root, name);
	add_broken(root, "bad", EIO);
	add_broken(root, "no-device", ENODEV);
	add_broken(root, "there", EEXIST);
	add_broken(root, "symbol", ENOENT);
	add_broken(root, "format", ENOEXEC);
	add_broken(root, "key", EKEYREJECTED);
	put_file(root, DIRECTORY "/zip.ko.gz", "zip", 0644);
	add_compressed(root);
	/* Of each name the first directory counts; then the order of names. */
	put_file(root, "etc/modprobe.d/20.conf", "options c \\\n  from=etc\n", 0644);
	put_file(root, "lib/modprobe.d/20.conf", "options c from=lib\n", 0644);
	put_file(root, "usr/lib/modprobe.d/20.conf", "options c from=usr\n", 0644);
	put_file(root, "usr/lib/modprobe.d/10.conf", "options c first=1\nalias dev:theirs d\n",
		 0644);
	put_file(root, "run/modprobe.d/30.conf",
		 "options c last=1\ninstall never /bin/false\n"
		 "install command /bin/echo x\ninstall soft modprobe b\n",
		 0644);
	put_file(root, "lib/modprobe.d/40.conf", "options c masked=1\n", 0644);
	must(symlinkat("/dev/null", root, "etc/modprobe.d/40.conf"));
	put_file(root, "etc/modprobe.d/readme", "options c readme=1\n", 0644);
	must(mkdirat(root, "etc/modprobe.d/directory.conf", 0755));
}

static void check(struct modules *m, const char *modalias, const char *want, const char *want_lines)
{
	*loaded = *lines = '\0';
	modules_load_for(m, modalias);
	is_str(loaded, want, "%s: what is loaded", modalias);
	is_str(lines, want_lines, "%s: what is said", modalias);
}

static void check_failures(struct modules *m)
{
	char line[64];

	snprintf(line, sizeof(line), "2 module bad: %s\n", strerror(EIO));
	check(m, "dev:bad", "", line);
	check(m, "dev:gone", "",
	      "4 module gone: cannot open /" DIRECTORY "/gone.ko: No such file or directory\n");
	check(m, "dev:none", "", "4 module no_device: no such device\n");
	check(m, "dev:there", "", "");
	check(m, "dev:symbol", "",
	      "2 module symbol: it needs a symbol that neither the kernel nor a loaded "
	      "module has (dmesg names it)\n");
	check(m, "dev:format", "",
	      "2 module format: it is damaged or made for another kernel (dmesg says more)\n");
	check(m, "dev:key", "",
	      "2 module key: this kernel loads signed modules only, and takes no signature of "
	      "this one\n");
	check(m, "dev:zip", "",
	      "2 module zip: this kernel cannot unpack it: put it into the image "
	      "uncompressed\n");
}

/* A kernel that cannot unpack them is given what init has unpacked. */
static void check_compressed(struct modules *m)
{
	struct modules *again;

	check(m, "dev:zst", " xz(unpacked) zst(unpacked)",
	      "4 module xz loaded\n4 module zst loaded\n");
	check(m, "dev:cut", "", "2 module cut: the file is damaged\n");
	again = modules_open(root_path);
	kernel_unpacks = true;
	check(again, "dev:zst", " (as it is) (as it is)",
	      "4 module xz loaded\n4 module zst loaded\n");
	kernel_unpacks = false;
	modules_close(again);
}

static void check_refusals(struct modules *m)
{
	check(m, "dev:never", " needs-never",
	      "4 module never: not loaded: blacklisted by modprobe.d or module_blacklist=\n"
	      "4 module needs_never loaded\n");
	check(m, "dev:command", "",
	      "2 module command: not loaded: modprobe.d has a command for it (/bin/echo x), "
	      "and tarboot runs no commands\n");
	check(m, "dev:soft", " soft", "4 module soft loaded\n");
	check(m, "dev:list", "", "");
	check(m, "dev:theirs", "", ""); /* d, which is there; and not bad */
}

/* A machine with 256 CPUs, and one with more kinds of devices than are remembered. */
static void check_searches(struct modules *m)
{
	char modalias[32];

	n_searches = 0;
	check(m, "dev:cpu7", " cpu", "4 module cpu loaded\n");
	for (int i = 0; i < 255; i++)
		modules_load_for(m, "dev:cpu7");
	is_int(n_searches, 1, "256 CPUs are searched for once");
	for (int i = 0; i < 5000; i++) {
		snprintf(modalias, sizeof(modalias), "dev:none%d", i);
		modules_load_for(m, modalias);
	}
	is_int(n_searches, 5001, "others are searched for");
}

/* Softdeps, each of the one before: more than anybody has. */
static void check_depth(int root)
{
	char dep[4096] = "", softdep[4096] = "", name[16];
	struct modules *m;

	for (int i = 0; i < 60; i++) {
		sprintf(dep + strlen(dep), "m%d.ko:\n", i);
		sprintf(softdep + strlen(softdep), "softdep m%d pre: m%d\n", i, i + 1);
		sprintf(name, "m%d", i);
		add_module(root, name);
	}
	put_file(root, DIRECTORY "/modules.dep", dep, 0644);
	put_file(root, DIRECTORY "/modules.softdep", softdep, 0644);
	put_file(root, DIRECTORY "/modules.alias", "alias dev:m m0\n", 0644);
	m = modules_open(root_path);
	*loaded = *lines = '\0';
	modules_load_for(m, "dev:m");
	ok(strncmp(loaded, " m30 m29 m28 ", 13) == 0, "the deepest first: %s", loaded);
	ok(strstr(lines, "2 module m31: not loaded: its chain of softdeps is too long\n"),
	   "a warning of those that are left out");
	modules_close(m);
}

int main(void)
{
	int root = scratch_dir("root");
	struct modules *m;

	snprintf(root_path, sizeof(root_path), "%s/root", scratch_base);
	make_root(root);
	m = modules_open(root_path);
	check(m, "dev:a", " d b c[first=1 from=etc last=1] a[x=\"1 2\"]",
	      "4 module d loaded\n4 module b loaded\n4 module c loaded with first=1 from=etc "
	      "last=1\n"
	      "4 module a loaded with x=\"1 2\"\n");
	check(m, "dev:a", "", "");
	is_int(modules_count(m), 4, "so many were loaded");
	check_failures(m);
	check_compressed(m);
	check_refusals(m);
	check_searches(m);
	modules_close(m);
	check_depth(root);
	return done_testing();
}
