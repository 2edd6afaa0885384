/*
 * PID 1's event loop: waits for one child, and meanwhile reaps orphans, reads messages of background children, and
 * calls a function at regular times.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* A child in the background. */
struct child {
	pid_t pid; /* 0: not started */
	bool has_ended;
	int status;              /* the wait status, once it has ended */
	int fd;                  /* where its messages arrive; < 0: closed, or none */
	void (*read)(void *arg); /* called when fd can be read; closes it at its end */
	void *arg;
};

/* Blocks all signals and prepares to be notified about children. Called once, at start. 0 or -errno. */
int child_init(void);

/* Waits until pid ends and returns its wait status. tick (may be NULL) is called every
 * milliseconds. */
int child_wait(pid_t pid, int milliseconds, void (*tick)(void *), void *arg);

/* Reaps all children that have ended, and reads messages of background children. */
void child_reap(void);

/* Adds c to the event loop until child_forget(). The caller keeps ownership. At most a few at a time. */
void child_watch(struct child *c);
void child_forget(struct child *c);

/* Handles events until is_done(arg) or until milliseconds have passed. Returns is_done(arg). */
bool child_wait_until(bool (*is_done)(void *arg), void *arg, int milliseconds);

/* In a child after fork, or before the new init starts: signal mask and dispositions as the kernel
 * gave them. */
void child_restore_signals(void);
