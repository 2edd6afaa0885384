/*
 * The process that sends lines to a log server: syslog by RFC 5424 over UDP. It may wait for a name server or a route as long as it
 * likes; nobody waits for it. Lines are lost without a word.
 */
#pragma once

#include "base/background.h"
#include "base/message.h"
#include "fetch/url.h"

struct log_task {
	struct url server;               /* host and port alone */
	char mac[18];                    /* PROCID */
	char name[NETWORK_HOSTNAME_MAX]; /* HOSTNAME; "-" = none */
};

/* For background_start(): sends what is kept (base/remote_log.h) until that is closed. */
void log_sender_run(void *task, int parent);
