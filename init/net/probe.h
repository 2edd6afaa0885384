/*
 * Is one of the servers reached? Asked in a child process, because name servers that are silent keep getaddrinfo() waiting.
 * One that refuses the connection may be that server, which does not run yet, or a firewall on a way that leads nowhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fetch/url.h"
#include "base/message.h"

struct probe {
	pid_t pid;    /* 0: none runs */
	int fd;       /* can be read when it has ended */
	uint64_t end; /* microseconds since the kernel started: then it is given up */
};

struct probe_result {
	/* enum network_reason: NETWORK_REACHED, _NO_NAME, _NO_ROUTE, _NO_ANSWER or _REFUSED. */
	uint32_t reason;
	/* The one that was reached, or that the reason is about: number of its URL. */
	uint32_t server;
};

/* Starts it, for connections through one network card. 0 or -errno. */
int probe_start(struct probe *p, const struct url *servers, size_t n, const char *nic);

/* After its descriptor can be read, or at its end: the result. */
struct probe_result probe_finish(struct probe *p);

/* Gives it up, if it runs. */
void probe_stop(struct probe *p);
