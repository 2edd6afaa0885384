/*
 * What children of PID 1 tell it: lines for the consoles and the report, and results. PID 1 alone prints and records,
 * so that lines do not break into each other and none is missing in report.json.
 *
 * Every message has the same size and is sent whole. Neither side ever waits for the other: lines that find no room
 * are dropped and counted, and PID 1 says how many there were.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MESSAGE_LINE_MAX 640 /* bytes with the NUL; longer lines are cut */

enum message_kind {
	MESSAGE_LINE,
	MESSAGE_LOST, /* nothing but the count of those that were dropped */
	MESSAGE_DEVICES_SEEN,
};

/* The process that plugs in devices has seen all that was there. */
struct devices_seen {
	uint64_t time; /* microseconds since the kernel started; 0: not yet */
	uint32_t modules;
};

struct message {
	uint32_t kind;
	uint32_t level; /* of a line: enum log_level */
	uint32_t lost;  /* messages before this one that were dropped */
	union {
		char line[MESSAGE_LINE_MAX];
		struct devices_seen seen;
	};
};

/* Makes the two ends of a channel, PID 1's first. 0 or -errno. */
int message_open(int ret_ends[2]);

/* In PID 1: a child that polls its end for input finds some from now on. False: this kernel has no sockets, and the
 * child must be told in another way. */
bool message_shut_down(int fd);

/* In a child: sends a line without its end of line; drops it when there is no room. */
void message_send_line(int fd, unsigned level, const char *line);

/* In a child: sends what must not be dropped, after a second at most. */
void message_send(int fd, struct message *m);

/* In a child before its end: tells how many were dropped last. */
void message_send_lost(int fd);

/* In PID 1: prints the lines that have come, up to the next message of another kind. from: who sends them. 0: *ret is
 * that message. -EAGAIN: there is none, or there were many lines and PID 1 has other work, too. -EPIPE: the child has
 * closed its end, and nothing is left to read. */
int message_receive(int fd, const char *from, struct message *ret);
