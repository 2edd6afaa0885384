/* busybox sh with a controlling terminal. */
#include "failure/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/child.h"
#include "base/console.h"
#include "base/terminals.h"

#define AT_ONCE_MS 2000 /* nobody types anything useful in that time */

/* An image that fetches its root has a busybox for DHCP, also when it was packed with --no-shell. */
static bool is_forbidden(void)
{
	return access("/" MEMBER_NO_SHELL, F_OK) == 0;
}

bool shell_is_there(void)
{
	return access(SHELL_PROGRAM, X_OK) == 0 && !is_forbidden();
}

/* A session of its own, so that ^C and job control work. */
static void take_terminal(int fd)
{
	setsid();
	ioctl(fd, TIOCSCTTY, 1);
	(void)fcntl(fd, F_SETFD, 0); /* for a descriptor that is one of these already */
	for (int i = 0; i <= 2; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void set_environment(const char *failed)
{
	umask(022);
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/", 1);
	setenv("PS1", "tarboot:\\w# ", 1);
	setenv("TERM", "linux", 0);
	if (failed)
		setenv("TARBOOT_FAILED", failed, 1);
}

/* The links are made only now: most boots never need them. */
static void run_program(const char *const argv[])
{
	pid_t pid = fork();

	if (pid == 0) {
		child_restore_signals();
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid > 0)
		child_wait(pid, 1000, NULL, NULL);
}

static void print_banner(const char *failed, const char *exit_means)
{
	char banner[512];

	snprintf(banner, sizeof(banner),
		 "\ntarboot: a shell, as tarboot.shell= asked for.%s%s\n"
		 "  log:  " RUN_DIR "/log (and dmesg)\n"
		 "  exit: %s\n\n",
		 failed ? " Failed step: " : "", failed ? failed : "", exit_means);
	console_print(banner);
}

/* Starts the shell on a terminal and waits until it ends. Returns its wait status, or -errno when it could not
 * be started. */
static int run_on_terminal(int terminal, const char *failed)
{
	int ends[2], error = 0, status = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		child_restore_signals();
		take_terminal(terminal);
		set_environment(failed);
		execl(SHELL_PROGRAM, "-sh", NULL);
		error = errno;
		(void)!write(ends[1], &error, sizeof(error));
		_exit(127);
	}
	if (pid < 0)
		error = errno;
	close(ends[1]);
	if (pid > 0)
		(void)!read(ends[0], &error, sizeof(error)); /* nothing, when exec closed it */
	close(ends[0]);
	if (pid > 0)
		status = child_wait(pid, 1000, NULL, NULL);
	return error ? -error : status;
}

static enum shell_end explain_end(int status, uint64_t duration)
{
	if (status < 0) {
		console_log(LOG_ERROR, "cannot start the shell: %s", strerror(-status));
		return SHELL_FAILED;
	}
	if (duration >= AT_ONCE_MS * 1000)
		return SHELL_LEFT;
	if (WIFEXITED(status))
		return SHELL_ENDED_AT_ONCE;
	console_log(LOG_ERROR, "the shell died of signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	return SHELL_FAILED;
}

enum shell_end shell_run(dev_t console, const char *failed, const char *exit_means)
{
	static const char *const install[] = { SHELL_PROGRAM, "--install", "-s", "/bin", NULL };
	_cleanup_close_ int terminal = -1;
	uint64_t start, duration;
	int status;

	if (!shell_is_there()) {
		if (is_forbidden())
			console_log(LOG_ERROR,
				    "this image gives no shell: pack it without --no-shell");
		else
			console_log(LOG_ERROR, "this image has no %s: pack it with --shell",
				    SHELL_PROGRAM);
		return SHELL_FAILED;
	}
	terminal = terminals_open_controlling(console);
	if (terminal < 0) {
		console_log(LOG_ERROR, "there is no terminal for the shell: %s",
			    strerror(-terminal));
		return SHELL_FAILED;
	}
	run_program(install);
	print_banner(failed, exit_means);
	start = now_usec();
	status = run_on_terminal(terminal, failed);
	duration = now_usec() - start;
	/* The end of the session hung its terminal up, and with it our descriptor of the console. */
	console_open();
	return explain_end(status, duration);
}
