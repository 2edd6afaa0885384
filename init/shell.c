/* busybox sh with a controlling terminal. */
#include "shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "child.h"
#include "console.h"
#include "terminals.h"

bool shell_is_there(void)
{
	return access(SHELL_PROGRAM, X_OK) == 0;
}

/* A session of its own, so that ^C and job control work. */
static void take_terminal(void)
{
	int fd;

	setsid();
	fd = terminals_open_controlling();
	if (fd < 0)
		return;
	ioctl(fd, TIOCSCTTY, 1);
	for (int i = 0; i <= 2; i++)
		dup2(fd, i);
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

void shell_run(const char *failed, const char *exit_means)
{
	static const char *const install[] = { SHELL_PROGRAM, "--install", "-s", "/bin", NULL };
	char banner[512];
	pid_t pid;

	if (!shell_is_there()) {
		console_log(LOG_ERROR, "there is no %s in this image: pack it with --shell",
			    SHELL_PROGRAM);
		return;
	}
	run_program(install);
	snprintf(banner, sizeof(banner),
		 "\ntarboot: a shell, as tarboot.shell= asked for.%s%s\n"
		 "  log:  " RUN_DIR "/log (and dmesg)\n"
		 "  exit: %s\n\n",
		 failed ? " Failed step: " : "", failed ? failed : "", exit_means);
	console_print(banner);
	pid = fork();
	if (pid == 0) {
		child_restore_signals();
		take_terminal();
		set_environment(failed);
		execl(SHELL_PROGRAM, "-sh", NULL);
		_exit(127);
	}
	if (pid > 0)
		child_wait(pid, 1000, NULL, NULL);
	else
		console_log(LOG_ERROR, "cannot start the shell: %m");
	/* The end of the session hung its terminal up, and with it our descriptor of the console. */
	console_open();
}
