/* tarboot run: boots an image in QEMU, with its serial console here. */
#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "boot_watch.h"
#include "command.h"
#include "elfinfo.h"
#include "image.h"
#include "piped_child.h"
#include "say.h"
#include "size.h"

#define LOGIN_TIMEOUT 600 /* seconds; emulated machines are slow */

static const char *arg_image, *arg_kernel, *arg_memory = "2G", *arg_cpus = "2";
static const char *arg_append = "", *arg_accel = "tcg";
static bool arg_until_login;

/* What QEMU is called for a machine that an image is for, and the plainest one that it has. */
static const struct emulation {
	uint16_t machine;
	const char *program, *package; /* of Debian */
	const char *board, *cpu, *console;
} emulations[] = {
	{ EM_X86_64, "qemu-system-x86_64", "qemu-system-x86", "pc", "qemu64", "ttyS0" },
	{ EM_AARCH64, "qemu-system-aarch64", "qemu-system-arm", "virt", "cortex-a57", "ttyAMA0" },
};
static long arg_timeout = LOGIN_TIMEOUT;

static int print_help(void)
{
	puts("Usage: tarboot run IMAGE [OPTION]...\n\n"
	     "Boots IMAGE in QEMU, without a disk or a network, its serial console on this "
	     "terminal.\n"
	     "Ctrl-A X ends it.\n\n"
	     "  -k, --kernel PATH    the kernel (default: IMAGE.vmlinuz)\n"
	     "  -m, --memory SIZE    RAM of the machine (default: 2G)\n"
	     "      --cpus N         CPUs of the machine (default: 2)\n"
	     "  -a, --append TEXT    more kernel parameters\n"
	     "      --accel NAME     tcg: emulate, works everywhere (default); kvm\n"
	     "      --until-login    end by itself at the login prompt and show a table of times\n"
	     "      --timeout S      with --until-login: give up after S seconds (default: 600)\n"
	     "      --help           show this help");
	return EXIT_OK;
}

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv)
{
	enum { OPT_CPUS = 256, OPT_ACCEL, OPT_UNTIL_LOGIN, OPT_TIMEOUT, OPT_HELP };
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "memory", required_argument, NULL, 'm' },
		{ "append", required_argument, NULL, 'a' },
		{ "cpus", required_argument, NULL, OPT_CPUS },
		{ "accel", required_argument, NULL, OPT_ACCEL },
		{ "until-login", no_argument, NULL, OPT_UNTIL_LOGIN },
		{ "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	const char **values[] = { ['k'] = &arg_kernel,
				  ['m'] = &arg_memory,
				  ['a'] = &arg_append,
				  [OPT_CPUS] = &arg_cpus,
				  [OPT_ACCEL] = &arg_accel };
	int c, r = EXIT_OK;

	while (r == EXIT_OK && (c = getopt_long(argc, argv, ":k:m:a:", options, NULL)) != -1) {
		if (c == OPT_HELP)
			exit(print_help());
		else if (c == OPT_UNTIL_LOGIN)
			arg_until_login = true;
		else if (c == OPT_TIMEOUT)
			r = say_number("run", "--timeout", optarg, 1, 86400, &arg_timeout);
		else if (c == '?' || c == ':')
			r = say_bad_option("run", c, argv[optind - 1]);
		else
			*values[c] = optarg;
	}
	if (r != EXIT_OK)
		return r;
	if (optind != argc - 1)
		return say_usage("run", "it takes one IMAGE");
	arg_image = argv[optind];
	return -1;
}

/* An image for no machine that is known is for this one. */
static const struct emulation *find_emulation(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(emulations); i++)
		if (emulations[i].machine == (machine ? machine : program_own_machine()))
			return &emulations[i];
	return &emulations[0];
}

/* Replaces this process by QEMU; returns only on failure. */
static void exec_qemu(const struct emulation *e, const char *kernel, const char *append)
{
	const char *const argv[] = { e->program,
				     "-accel",
				     arg_accel,
				     "-M",
				     e->board,
				     "-cpu",
				     strcmp(arg_accel, "tcg") == 0 ? e->cpu : "host",
				     "-m",
				     arg_memory,
				     "-smp",
				     arg_cpus,
				     "-nodefaults",
				     "-no-reboot",
				     "-display",
				     "none",
				     "-chardev",
				     arg_until_login ? "stdio,id=s"
						     : "stdio,id=s,mux=on,signal=off",
				     "-serial",
				     "chardev:s",
				     "-kernel",
				     kernel,
				     "-initrd",
				     arg_image,
				     "-append",
				     append,
				     arg_until_login ? NULL : "-mon",
				     "chardev=s",
				     NULL };

	execvp(e->program, (char *const *)argv);
	fprintf(stderr, "tarboot: %s: cannot start it: %s\n  Install QEMU (Debian: %s).\n",
		e->program, strerror(errno), e->package);
}

/* Starts QEMU with its serial line on a pipe. Returns its pid, or -errno. */
static pid_t start_qemu(const struct emulation *e, const char *kernel, const char *append,
			int *ret_fd)
{
	pid_t pid = piped_child(ret_fd);

	if (pid == 0) {
		exec_qemu(e, kernel, append);
		_exit(EXIT_FAILED);
	}
	return pid;
}

/* Shows what the machine prints until the watch is satisfied, the machine ends or time is up. */
static void follow(int fd, struct boot_watch *watch)
{
	uint64_t end = now_usec() + (uint64_t)arg_timeout * 1000000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char block[4096];
	ssize_t n;

	while (!boot_watch_is_done(watch) && now_usec() < end) {
		if (poll(&p, 1, 1000) <= 0)
			continue;
		n = read(fd, block, sizeof(block));
		if (n <= 0)
			return;
		(void)!write(STDOUT_FILENO, block, (size_t)n);
		boot_watch_feed(watch, block, (size_t)n);
	}
}

static int run_until_login(const struct emulation *e, const char *kernel, const char *append)
{
	_cleanup_close_ int fd = -1;
	struct boot_watch watch = { .start = now_usec() };
	struct stat st = { 0 };
	struct fail f;
	pid_t pid = start_qemu(e, kernel, append, &fd);

	if (pid < 0) {
		fail_errno(&f, pid, e->program, "cannot start it");
		return say_fail(&f);
	}
	follow(fd, &watch);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	if (!boot_watch_is_done(&watch)) {
		fail_set(&f, ETIMEDOUT, arg_image, "The lines above tell how far it came.",
			 "it did not come to a login prompt");
		return say_fail(&f);
	}
	(void)stat(arg_image, &st);
	boot_watch_print(&watch, (uint64_t)st.st_size);
	return EXIT_OK;
}

/* The machine that the image is for. */
static int read_machine(const struct emulation **ret, struct fail *f)
{
	struct image image;
	int r = image_open(arg_image, &image, f);

	if (r == 0)
		*ret = find_emulation(image_machine(&image));
	image_close(&image);
	return r;
}

int command_run(int argc, char **argv)
{
	_cleanup_free_ char *kernel = NULL, *append = NULL;
	const struct emulation *e = NULL;
	struct fail f;
	int r = parse_options(argc, argv);

	if (r >= 0)
		return r;
	if (read_machine(&e, &f) < 0)
		return say_fail(&f);
	if (asprintf(&kernel, "%s%s", arg_kernel ? arg_kernel : arg_image,
		     arg_kernel ? "" : ".vmlinuz") < 0 ||
	    asprintf(&append, "console=%s panic=-1 %s", e->console, arg_append) < 0)
		return EXIT_FAILED;
	if (access(kernel, R_OK) < 0) {
		fail_errno(&f, errno, kernel, "cannot read it");
		return say_fail(&f);
	}
	if (arg_until_login)
		return run_until_login(e, kernel, append);
	exec_qemu(e, kernel, append);
	return EXIT_FAILED;
}
