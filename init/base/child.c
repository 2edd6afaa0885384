/* Children and signals. All signals stay blocked in PID 1, SIGCHLD is read from a descriptor. */
#include "base/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

#define WATCHED_MAX 6 /* devices, network, log, receiver, and what resets a link */

static int signal_fd = -1;
static struct child *watched[WATCHED_MAX]; /* NULL: free */

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

static void note_end(pid_t pid, int status)
{
	for (size_t i = 0; i < WATCHED_MAX; i++) {
		if (!watched[i] || watched[i]->pid != pid)
			continue;
		watched[i]->has_ended = true;
		watched[i]->status = status;
	}
}

/* Reaps all that has ended; true when pid was among it. */
static bool reap(pid_t pid, int *ret_status)
{
	bool found = false;
	int status;
	pid_t ended;

	while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
		note_end(ended, status);
		if (ended != pid)
			continue;
		*ret_status = status;
		found = true;
	}
	return found;
}

/* Waits for an event. Without the descriptor for signals the time-out alone drives the loop. */
static void handle_events(int milliseconds)
{
	struct pollfd p[1 + WATCHED_MAX] = { { .fd = signal_fd, .events = POLLIN } };
	struct signalfd_siginfo info;

	for (size_t i = 0; i < WATCHED_MAX; i++)
		p[1 + i] = (struct pollfd){ .fd = watched[i] ? watched[i]->fd : -1,
					    .events = POLLIN };
	if (poll(p, ARRAY_SIZE(p), milliseconds) <= 0)
		return;
	while (read(signal_fd, &info, sizeof(info)) > 0)
		;
	for (size_t i = 0; i < WATCHED_MAX; i++)
		if (p[1 + i].revents && watched[i])
			watched[i]->read(watched[i]->arg);
}

/* Milliseconds from now to a time, rounded up. */
static int left_until(uint64_t time)
{
	uint64_t now = now_usec();

	return now < time ? (int)((time - now + 999) / 1000) : 0;
}

void child_reap(void)
{
	int status;

	reap(-1, &status);
	handle_events(0);
}

int child_wait(pid_t pid, int milliseconds, void (*tick)(void *), void *arg)
{
	uint64_t next = 0;
	int status = 0;

	while (!reap(pid, &status)) {
		if (left_until(next) == 0) {
			if (tick)
				tick(arg);
			next = now_usec() + (uint64_t)milliseconds * 1000;
		}
		handle_events(left_until(next));
	}
	return status;
}

void child_watch(struct child *c)
{
	for (size_t i = 0; i < WATCHED_MAX; i++) {
		if (!watched[i]) {
			watched[i] = c;
			return;
		}
	}
}

void child_forget(struct child *c)
{
	for (size_t i = 0; i < WATCHED_MAX; i++)
		if (watched[i] == c)
			watched[i] = NULL;
}

bool child_wait_until(bool (*is_done)(void *arg), void *arg, int milliseconds)
{
	uint64_t end = now_usec() + (uint64_t)milliseconds * 1000;
	bool is_last;

	do {
		is_last = left_until(end) == 0;
		child_reap();
		if (is_done(arg))
			return true;
		handle_events(left_until(end));
	} while (!is_last);
	return false;
}

void child_restore_signals(void)
{
	sigset_t none;

	for (int i = 1; i < _NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
