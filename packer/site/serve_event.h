/*
 * One line of the log of dnsmasq or nginx, as a struct. Pure. What is in it comes from the network.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SERVE_TEXT_MAX 64
#define SERVE_PATH_MAX 256

/* In hexadecimal, with its NUL. */
#define SERVE_MARK_MAX 33

/* The format of the access log of nginx, behind a mark that nobody but us and nginx knows: what else nginx prints is for errors, and
 * has parts of requests as they came, with newlines in them. */
#define SERVE_HTTP_FORMAT                                       \
	" $remote_addr $status $body_bytes_sent $request_time " \
	"$sent_http_content_length [$sent_http_content_range] $uri"

/* Where a machine's address is known from, weakest first: what a later one says replaces what an earlier one says, never the reverse. */
enum serve_source {
	SERVE_BY_NOBODY,
	SERVE_BY_ITSELF, /* a machine, in what it sends */
	SERVE_BY_ARP,
	SERVE_BY_DHCP, /* dnsmasq, which gave the address */
};

enum serve_event_kind {
	SERVE_NOTHING,      /* some other line */
	SERVE_DHCP_CLASS,   /* text: vendor or user class of the request of that number */
	SERVE_DHCP_ASKED,   /* a machine asks for an address: mac */
	SERVE_DHCP_REFUSED, /* there is none left for it: mac */
	SERVE_DHCP_GIVEN,   /* it has one: address, mac, text: its name, or "" */
	SERVE_PXE,          /* proxy DHCP has announced a boot file: mac, address or "" */
	SERVE_TFTP,         /* a file was sent: address, path */
	SERVE_HTTP,         /* a request has ended: address, path, and what follows in the struct */
	SERVE_NO_REQUEST,   /* what came by HTTP was none */
};

struct serve_event {
	enum serve_event_kind kind;
	bool is_of_nginx;
	uint32_t request; /* number that dnsmasq gave to the DHCP request */
	char address[64]; /* as in the line, but for HTTP and TFTP checked by nobody */
	char mac[64];     /* likewise */
	char text[SERVE_TEXT_MAX];
	char path[SERVE_PATH_MAX]; /* of TFTP: without directories */
	unsigned status;
	uint64_t sent, size;    /* bytes of the body: sent, and announced; 0 = not known */
	uint64_t offset, total; /* of a part of a file, and of the file; 0 = not known */
	double seconds;
	bool is_of_site; /* the site has that file, or should have it: for whoever knows the site to set */
};

/* mark: that of nginx's access log, for a line of nginx; "": the line is dnsmasq's, which prints no control character that it gets.
 * Returns ret->kind. */
enum serve_event_kind serve_event_parse(const char *line, const char *mark,
					struct serve_event *ret);

/* A file that need not exist: the script of a machine for which the site has none, or what newer versions of iPXE look for where they were
 * loaded from. */
bool serve_event_is_optional(const struct serve_event *e);
