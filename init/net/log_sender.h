/*
 * The process that sends lines to a log server: syslog by RFC 5424 over UDP. It may wait for a name server or a route as long as it
 * likes; nobody waits for it. Lines are lost without a word.
 */
#pragma once

#include "base/background.h"
#include "fetch/url.h"

#define LOG_NAME_MAX 64

struct log_task {
	struct url server;       /* host and port alone */
	char mac[18];            /* PROCID */
	char name[LOG_NAME_MAX]; /* HOSTNAME; "-" = none */
};

/* The host name in a value of ip=; "-" if there is none. */
void log_name_read(const char *ip, char ret[LOG_NAME_MAX]);

/* For background_start(): sends what is kept (base/remote_log.h) until that is closed. */
void log_sender_run(void *task, int parent);
