/*
 * A child process in the background that PID 1 started to do something beside the boot steps. PID 1 prints the lines that it
 * sends, and is told of its other messages.
 */
#pragma once

#include "base/child.h"
#include "base/message.h"

struct background {
	struct child child;
	const char *what; /* for messages: "the process that …" */
	void (*take)(void *arg,
		     const struct message *m); /* a message that is no line; NULL: there are none */
	void *arg;
};

/* Starts it: run gets the descriptor of its end of the channel, where its lines go; it is to end when that can be read. what,
 * take and arg are set by the caller, and *g stays where it is until background_end. 0 or -errno. */
int background_start(struct background *g, void (*run)(void *arg, int parent), void *run_arg);

bool background_is_running(const struct background *g);

/* It has ended, and all its messages have been read. */
bool background_has_ended(const struct background *g);

/* Waits until it has ended by itself, so long at most, and meanwhile handles events. Returns background_has_ended(). */
bool background_wait(struct background *g, int milliseconds);

/* Tells it to end, waits so long, and kills it then: true when that was necessary. Forgets it. ret_status (may be NULL): its wait
 * status, of use when it had ended by itself. */
bool background_end(struct background *g, int milliseconds, int *ret_status);
