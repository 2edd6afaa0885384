/*
 * Which machine loads what, from the log lines of dnsmasq and nginx. Pure, but for what it asks about Blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_text.h"

#define SERVE_CLIENTS 2048
#define SERVE_LINE_MAX 640
#define SERVE_BLOCKS_MAX 64

struct serve_log {
	struct {
		char address[IPV4_TEXT_MAX], mac[MAC_TEXT_MAX];
	} clients[SERVE_CLIENTS]; /* a ring: the oldest is replaced first */
	size_t n;

	/* Asked how many Blocks of a large file are from one byte to another, of that file: "" = it has none. May be NULL. */
	void (*blocks)(const void *arg, const char *path, uint64_t from, uint64_t to,
		       char ret[SERVE_BLOCKS_MAX]);
	const void *blocks_arg;
};

/* The format of the access log of nginx. */
#define SERVE_HTTP_FORMAT                                              \
	"tarboot $remote_addr $status $body_bytes_sent $request_time " \
	"$sent_http_content_length [$sent_http_content_range] $uri"

/* Adds a machine whose address is known from elsewhere. */
void serve_log_learn(struct serve_log *log, const char *address, const char *mac);

/* Formats what to show for a line, without newline. False: nothing. */
bool serve_log_line(struct serve_log *log, const char *line, char ret[SERVE_LINE_MAX]);
