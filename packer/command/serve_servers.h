/*
 * dnsmasq and nginx, as children of `tarboot serve`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "site/serve_log.h"
#include "site/site.h"

struct server {
	const char *package;
	pid_t pid;
	int fd;                    /* what it prints */
	char mark[SERVE_MARK_MAX]; /* as of serve_event_parse() */
	char line[SERVE_LINE_MAX];
	size_t n;
	char last[SERVE_LINE_MAX]; /* line of those that are not shown */
	uint64_t last_at;          /* when that came, as now_usec() */
	int status;                /* as waitpid() says, once it has ended */
};

/* Are both installed? -ENOENT: no. */
int servers_find(struct fail *f);

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

#define SERVER_END_MAX 32

/* How it ended, in words: "killed by signal 9". It has, or will in a moment, since it has closed its output. Returns ret. */
const char *server_describe_end(struct server *v, char ret[SERVER_END_MAX]);

/* Ends it, in a few seconds at most. */
void server_stop(struct server *v);

/* The signals that end `tarboot serve`; handler gets them. */
void server_catch_signals(void (*handler)(int signal));
