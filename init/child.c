/* Children and signals. All signals stay blocked in PID 1, SIGCHLD is read from a descriptor. */
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int signal_fd = -1;

int child_init(void)
{
	sigset_t all, child;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return signal_fd < 0 ? -errno : 0;
}

/* Reaps all that has ended; true when pid was among it. */
static bool reap(pid_t pid, int *ret_status)
{
	bool found = false;
	int status;
	pid_t ended;

	while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
		if (ended != pid)
			continue;
		*ret_status = status;
		found = true;
	}
	return found;
}

void child_reap(void)
{
	int status;

	reap(-1, &status);
}

int child_wait(pid_t pid, int milliseconds, void (*tick)(void *), void *arg)
{
	struct pollfd p = { .fd = signal_fd, .events = POLLIN };
	struct signalfd_siginfo info;
	int status = 0;

	while (!reap(pid, &status)) {
		if (tick)
			tick(arg);
		/* Without the descriptor the time-out alone drives the loop. */
		poll(&p, 1, milliseconds);
		while (read(signal_fd, &info, sizeof(info)) > 0)
			;
	}
	return status;
}

void child_restore_signals(void)
{
	sigset_t none;

	for (int i = 1; i < _NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
