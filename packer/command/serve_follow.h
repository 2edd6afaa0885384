/*
 * What the servers and the machines say while `tarboot serve` runs: shown as lines, or on a terminal as a table, and written for
 * the status page.
 */
#pragma once

#include <signal.h>

#include "command/serve_servers.h"
#include "command/serve_watch.h"

#define SYSLOG_PORT 514

struct follow_options {
	const char *status_directory; /* that nginx serves; NULL = no page */
	const char *title;            /* of the table */
	const volatile sig_atomic_t *stopped;
	struct serve_watch *watch; /* since before the servers were started */
};

/* Until *stopped, which is 0, or until one of the two servers has ended: -ECHILD with *f. */
int serve_follow(const struct site *s, struct server servers[2], const struct follow_options *o,
		 struct fail *f);
