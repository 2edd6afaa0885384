/*
 * Boot loaders by firmware: the types that firmware states in DHCP option 93 (RFC 4578 and IANA's list "Processor
 * Architecture Types"), and iPXE's program for each. Other types get none, because a boot loader for another machine
 * would only hang.
 */
#pragma once

#include "site/site.h"

struct firmware {
	const char *name; /* a word for the configurations of servers */
	uint16_t types[2];
	unsigned n_types;
	const char *program; /* in tftp/, or in http/ */
	bool by_http;        /* UEFI HTTP boot: the request is from an HTTPClient */
	bool optional;       /* not in all of Debian's packages */
};

#define FIRMWARE_MAX 8

/* The table; its number of rows. */
size_t firmware_all(const struct firmware **ret);

/* The path of the program of a row in the site. */
const char *firmware_path(const struct site *s, const struct firmware *w, char ret[PATH_MAX]);

/* The rows whose program is in the site. */
size_t firmware_served(const struct site *s, const struct firmware *ret[FIRMWARE_MAX]);
