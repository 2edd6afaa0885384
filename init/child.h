/*
 * PID 1's event loop: it waits for one child and meanwhile reaps orphans, takes what children in the background say,
 * and calls a tick.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* A child in the background. */
struct child {
	pid_t pid; /* 0: it was never started */
	bool has_ended;
	int status;              /* the wait status, once it has ended */
	int fd;                  /* what it says comes here; < 0: nothing, or nothing more */
	void (*read)(void *arg); /* called when fd can be read; closes it at its end */
	void *arg;
};

/* Blocks all signals and prepares to be told of children; once, at start. 0 or -errno. */
int child_init(void);

/* Waits until pid ends and returns its wait status. tick (may be NULL) is called every
 * milliseconds. */
int child_wait(pid_t pid, int milliseconds, void (*tick)(void *), void *arg);

/* Reaps whatever has ended, and takes what children in the background have said. */
void child_reap(void);

/* From now on, until child_forget(), the event loop cares for c, which stays the caller's. A few at a time. */
void child_watch(struct child *c);
void child_forget(struct child *c);

/* Handles events until is_done(arg), or until milliseconds have passed. What is_done() says then. */
bool child_wait_until(bool (*is_done)(void *arg), void *arg, int milliseconds);

/* In a child after fork, or before the new init starts: signal mask and dispositions as the kernel
 * gave them. */
void child_restore_signals(void);
