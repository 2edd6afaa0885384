/*
 * dnsmasq and nginx, as children of `tarboot serve`.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "site/serve_log.h"
#include "site/site.h"

struct server {
	const char *package;
	pid_t pid;
	int fd; /* what it prints */
	char line[SERVE_LINE_MAX];
	size_t n;
	char last[SERVE_LINE_MAX]; /* line of those that are not shown */
};

/* Each starts one, whose messages can be read from *v, and which has files of its own in a directory. 0, or -errno. */
int server_start_dnsmasq(const struct site *s, const char *directory, struct server *v,
			 struct fail *f);

/* status: ADDRESS:PORT of the status page, which is in status/ there; NULL = none. */
int server_start_nginx(const struct site *s, const char *directory, const char *status,
		       struct server *v, struct fail *f);

/* Has dnsmasq read its file of machines again. */
void server_read_hosts(const struct server *dnsmasq);

/* Has it ended by itself? Then no process of it is left. */
bool server_has_ended(struct server *v);

/* Ends it, in a few seconds at most. */
void server_stop(struct server *v);

/* The signals that end `tarboot serve`; handler gets them. */
void server_catch_signals(void (*handler)(int signal));
