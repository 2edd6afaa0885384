/*
 * Which machine loads what, from the log lines of dnsmasq and nginx. Pure, but for what it asks about Blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_text.h"
#include "site/serve_event.h"

#define SERVE_CLIENTS 2048
#define SERVE_WHAT_MAX 544
#define SERVE_LINE_MAX (SERVE_WHAT_MAX + 160)
#define SERVE_BLOCKS_MAX 64

struct serve_log {
	struct {
		char address[IPV4_TEXT_MAX], mac[MAC_TEXT_MAX];
		enum serve_source source;
	} clients[SERVE_CLIENTS]; /* a ring: the oldest is replaced first */
	size_t n;

	/* Asked how many Blocks of a large file are from one byte to another, of that file: "" = it has none. May be NULL. */
	void (*blocks)(const void *arg, const char *path, uint64_t from, uint64_t to,
		       char ret[SERVE_BLOCKS_MAX]);
	const void *blocks_arg;
};

/* Which machine has an address, from elsewhere than a log. What is no address is ignored. */
void serve_log_learn(struct serve_log *log, const char *address, const char *mac,
		     enum serve_source source);

/* The same of a line of /proc/net/arp. */
void serve_log_neighbour(struct serve_log *log, const char *line);

/* The MAC address of a machine, from this source or a more reliable one; "" = not known. */
const char *serve_log_mac(const struct serve_log *log, const char *address,
			  enum serve_source source);

/* Formats what to show for a line, without newline. mark: as of serve_event_parse(). False: nothing. */
bool serve_log_line(struct serve_log *log, const char *line, const char *mark,
		    char ret[SERVE_LINE_MAX]);

/* The same of a line that has been parsed. ret_what: what the machine did, without its addresses; "" = nothing, or it is about none. */
bool serve_log_event(struct serve_log *log, const struct serve_event *e, const char *line,
		     char ret_what[SERVE_WHAT_MAX], char ret[SERVE_LINE_MAX]);
