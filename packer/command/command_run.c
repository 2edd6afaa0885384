/* tarboot run: boots an image in QEMU, with its serial console on this terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "command/boot_watch.h"
#include "command/command.h"
#include "command/option_values.h"
#include "image/image.h"
#include "image/image_kernel.h"
#include "image/image_verify.h"
#include "base/options.h"
#include "base/piped_child.h"
#include "command/qemu.h"
#include "base/print.h"
#include "base/size.h"

#define LOGIN_TIMEOUT 600 /* seconds; emulated machines are slow */

static const char *arg_image, *arg_kernel, *arg_memory = "2G";
static const char *arg_append = "", *arg_accel = "auto", *arg_cpu;
static long arg_cpus = 2, arg_timeout = LOGIN_TIMEOUT;
static bool arg_until_login;
static char *const *arg_more; /* arguments of QEMU */
static size_t arg_n_more;

static const struct option_spec options[] = {
	{ .name = "kernel",
	  .letter = 'k',
	  .value = "PATH",
	  .text = &arg_kernel,
	  .help = "boot this kernel (default: IMAGE.vmlinuz)" },
	{ .name = "memory",
	  .letter = 'm',
	  .value = "SIZE",
	  .text = &arg_memory,
	  .help = "give the machine this much RAM (default: 2G)" },
	{ .name = "cpus",
	  .value = "N",
	  .number = &arg_cpus,
	  .least = 1,
	  .most = 1024,
	  .help = "give the machine N CPUs (default: 2)" },
	{ .name = "append",
	  .letter = 'a',
	  .value = "TEXT",
	  .may_be_empty = true,
	  .text = &arg_append,
	  .help = "add kernel parameters" },
	{ .name = "accel",
	  .value = "NAME",
	  .words = "auto tcg kvm",
	  .text = &arg_accel,
	  .help = "auto (default): kvm if a test shows that it can boot this kernel, otherwise "
		  "tcg; tcg: emulation, works everywhere; kvm" },
	{ .name = "cpu",
	  .value = "MODEL",
	  .text = &arg_cpu,
	  .help = "use this CPU model, a value of QEMU's -cpu (default: one that runs x86-64-v3 "
		  "programs; with kvm this computer's)" },
	{ .name = "until-login",
	  .flag = &arg_until_login,
	  .help = "stop at the login prompt and print a table of times" },
	{ .name = "timeout",
	  .value = "S",
	  .number = &arg_timeout,
	  .least = 1,
	  .most = 86400,
	  .help = "with --until-login: give up after S seconds (default: 600)" },
	OPTION_HELP,
	OPTIONS_END,
};

const struct command_usage usage_run = {
	.command = "run",
	.synopsis = "run IMAGE [OPTION]... [-- QEMU ARGUMENT...]",
	.about = "Boots IMAGE in QEMU, with the serial console on this terminal, and without a "
		 "disk or network. Press Ctrl-A X to stop it.",
	.options = options,
	.more = "Arguments after -- are passed to QEMU, for example -- -netdev user,id=n -device "
		"virtio-net-pci,netdev=n",
};

/* Is it valid for QEMU's -m? */
static bool is_memory(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && strspn(text, "0") < n && (!text[n] || strchr("KMGTkmgt", text[n])) &&
	       (!text[n] || !text[n + 1]);
}

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv)
{
	struct command_line line;
	int r = options_parse(&usage_run, argc, argv, &line);

	if (r >= 0)
		return r;
	if (!is_memory(arg_memory))
		return print_usage_error("run",
					 "--memory %s: it must be a size, for example 512M or 2G",
					 arg_memory);
	r = option_kernel_line("run", "--append", arg_append);
	if (r == EXIT_OK)
		r = options_expect("run", "one IMAGE", 1, line.n_before);
	if (r != EXIT_OK)
		return r;
	arg_image = line.arguments[0];
	if (strcmp(arg_image, "-") == 0)
		return print_usage_error(
			"run", "-: QEMU cannot read standard input (for a file named -, give ./-)");
	arg_more = line.arguments + 1;
	arg_n_more = line.n_arguments - 1;
	return -1;
}

/* QEMU makes standard input non-blocking, and where both are the same terminal, standard output with it. */
static void show(const char *text, size_t size)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, text, size);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n < 0) {
			(void)poll(&p, 1, 1000);
			continue;
		}
		text += n;
		size -= (size_t)n;
	}
}

/* Shows what the machine prints until the end of QEMU, or the login prompt or the time-out where these count. */
static void follow(int fd, struct boot_watch *watch)
{
	uint64_t end = now_usec() + (uint64_t)arg_timeout * 1000000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char block[4096];
	ssize_t n;

	while (!arg_until_login || (!boot_watch_is_done(watch) && now_usec() < end)) {
		if (poll(&p, 1, 1000) <= 0)
			continue;
		n = read(fd, block, sizeof(block));
		if (n <= 0)
			return;
		show(block, (size_t)n);
		boot_watch_feed(watch, block, (size_t)n);
	}
}

/* Starts QEMU with its serial console on a pipe; without --until-login the keyboard is its own. Returns its pid, or
 * -errno. */
static pid_t start_qemu(const struct qemu *q, int *ret_fd)
{
	pid_t pid = arg_until_login ? piped_child(ret_fd) : piped_child_with_input(ret_fd);

	if (pid == 0) {
		qemu_exec(q);
		_exit(EXIT_FAILED);
	}
	return pid;
}

/* Why it is no success that the machine has ended, or was ended. QEMU itself has said why it failed. */
static int check_end(const struct boot_watch *watch, int status, struct fail *f)
{
	int r = boot_watch_check(watch, arg_image, f);

	if (r == 0 && arg_until_login && !boot_watch_is_done(watch))
		r = fail_set(f, ETIMEDOUT, arg_image,
			     "See the lines above for how far the boot got, or give it more time "
			     "with --timeout.",
			     "no login prompt appeared");
	if (r == 0 && !arg_until_login && WIFSIGNALED(status))
		r = fail_set(f, EIO, arg_image, "Free memory, or give the machine less.",
			     "QEMU was killed by signal %d", WTERMSIG(status));
	return r;
}

/* The terminal as it was before QEMU, which may be killed before it can give it back. */
struct terminal {
	bool is_one;
	struct termios modes;
	int flags;
};

/* In the background it is somebody else's. */
static void terminal_save(struct terminal *ret)
{
	ret->is_one = !arg_until_login && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
		      tcgetattr(STDIN_FILENO, &ret->modes) == 0;
	ret->flags = fcntl(STDIN_FILENO, F_GETFL);
}

static void terminal_restore(const struct terminal *t)
{
	if (!t->is_one)
		return;
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &t->modes);
	(void)fcntl(STDIN_FILENO, F_SETFL, t->flags);
}

static int run(const struct qemu *q)
{
	_cleanup_close_ int fd = -1;
	struct boot_watch watch = { .start = now_usec() };
	struct terminal terminal;
	struct stat st = { 0 };
	int status = 0;
	struct fail f;
	pid_t pid;

	terminal_save(&terminal);
	pid = start_qemu(q, &fd);
	if (pid < 0) {
		fail_errno(&f, pid, qemu_program(q), "cannot start it");
		return print_failure(&f);
	}
	follow(fd, &watch);
	if (arg_until_login)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	terminal_restore(&terminal);
	if (check_end(&watch, status, &f) < 0)
		return print_failure(&f);
	if (!arg_until_login)
		return WEXITSTATUS(status) == 0 ? EXIT_OK : EXIT_FAILED;
	(void)stat(arg_image, &st);
	boot_watch_print(&watch, (uint64_t)st.st_size);
	return EXIT_OK;
}

/* The machine that the image is for, and its kernel, which the caller frees. */
static int read_image(const struct emulation **ret, char **ret_kernel, struct fail *f)
{
	struct image_kernel kernel = { 0 };
	struct image image = { 0 };
	int r = image_open(arg_image, &image, f);

	if (r == 0)
		r = image_verify_has_init(&image, f);
	if (r == 0)
		r = image_kernel_open(&image, arg_kernel, &kernel, f);
	if (r == 0)
		*ret = qemu_find_emulation(image_machine(&image));
	if (r == 0)
		*ret_kernel = strdup(kernel.path);
	if (r == 0 && !*ret_kernel)
		r = fail_errno(f, ENOMEM, kernel.path, "cannot start it");
	image_kernel_close(&kernel);
	image_close(&image);
	return r;
}

int command_run(int argc, char **argv)
{
	_cleanup_free_ char *kernel = NULL;
	struct qemu q = { 0 };
	struct fail f;
	int r = parse_options(argc, argv);

	if (r >= 0)
		return r;
	if (read_image(&q.emulation, &kernel, &f) < 0)
		return print_failure(&f);
	q.cpu = arg_cpu;
	q.memory = arg_memory;
	q.cpus = arg_cpus;
	q.kernel = kernel;
	q.initrd = arg_image;
	q.append = arg_append;
	q.has_monitor = !arg_until_login;
	q.more = arg_more;
	q.n_more = arg_n_more;
	q.accel = strcmp(arg_accel, "auto") != 0 ? arg_accel : qemu_kvm_works(&q) ? "kvm" : "tcg";
	return run(&q);
}
