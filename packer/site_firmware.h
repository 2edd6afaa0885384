/*
 * Which boot loader which firmware gets: the types of machine that firmware names in DHCP option 93 (RFC 4578 and IANA's
 * list "Processor Architecture Types"), and iPXE's program for each. A type that is not here gets none: a loader for
 * another machine would only hang it.
 */
#pragma once

#include "site.h"

struct firmware {
	const char *name; /* a word for the configurations of servers */
	uint16_t types[2];
	unsigned n_types;
	const char *program; /* in tftp/, or in http/ */
	bool by_http;        /* it loads from a URL, and asks as HTTPClient */
	bool optional;       /* Debian's packages have not all programs */
};

#define FIRMWARE_MAX 8

/* The table; its number of rows. */
size_t firmware_all(const struct firmware **ret);

/* Where in the site the program of a row is. */
const char *firmware_path(const struct site *s, const struct firmware *w, char ret[PATH_MAX]);

/* The rows whose program the site has. */
size_t firmware_served(const struct site *s, const struct firmware *ret[FIRMWARE_MAX]);
