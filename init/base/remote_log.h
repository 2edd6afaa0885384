/*
 * Lines for a log server. PID 1 puts them into a socket, which keeps some hundred of them until there is a network, and never blocks:
 * what has no room is lost, which a line says later; there is always room for a failure. Another process takes them out and sends them
 * (net/log_sender.h).
 */
#pragma once

#include <stdbool.h>

#include "base/message.h"

#define REMOTE_LINE_MAX 1024 /* bytes of a text; what is longer is cut */

enum remote_kind { REMOTE_LINE, REMOTE_PROGRESS, REMOTE_FAILURE, REMOTE_REPORT };

/* What goes through the socket: of text, only what is there. */
struct remote_line {
	uint8_t level; /* enum log_level */
	uint8_t kind;  /* enum remote_kind */
	char text[REMOTE_LINE_MAX];
};

/* From now on lines are kept. Does nothing if they are already. */
void remote_log_open(void);

void remote_log_put(enum log_level level, enum remote_kind kind, const char *text);

/* The end to take them from; -1: none is kept. */
int remote_log_reader(void);

/* No more lines: the other process reads to the end of those that are kept, if it has begun. */
void remote_log_close(void);
