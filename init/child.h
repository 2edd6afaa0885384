/*
 * PID 1's event loop: it waits for one child and meanwhile reaps orphans and calls a tick.
 */
#pragma once

#include <sys/types.h>

/* Blocks all signals and prepares to be told of children; once, at start. 0 or -errno. */
int child_init(void);

/* Waits until pid ends and returns its wait status. tick (may be NULL) is called every
 * milliseconds. */
int child_wait(pid_t pid, int milliseconds, void (*tick)(void *), void *arg);

/* Reaps whatever has ended. */
void child_reap(void);

/* In a child after fork, or before the new init starts: signal mask and dispositions as the kernel
 * gave them. */
void child_restore_signals(void);
