/*
 * The network process: brings all network cards up at the same time, and gives them their turns, one after the other, until
 * one reaches a server. PID 1 learns of it by messages (struct network_seen).
 */
#pragma once

#include "fetch/url.h"
#include "net/options.h"

struct network_task {
	struct net_options options;
	/* One of them is to be reached; if there is none, an address is all. */
	struct url servers[URLS_MAX];
	size_t n_servers;
};

/* Runs until PID 1 closes or shuts down its end of the channel. */
void network_run(const struct network_task *task, int parent);
