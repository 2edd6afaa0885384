/*
 * Boot loaders by firmware: the types that firmware states in DHCP option 93 (RFC 4578 and IANA's list "Processor
 * Architecture Types"), and iPXE's program for each, or a unified kernel image in its place. Other types get none, because a
 * boot loader for another machine would only hang.
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
	const char *
		uki; /* that takes its place if the site has one; see site_uki.h; NULL = none can */
};

#define FIRMWARE_MAX 8

/* The table; its number of rows. */
size_t firmware_all(const struct firmware **ret);

/* The directory of its program in the site. */
const char *firmware_directory(const struct firmware *w);

/* The rows whose program is in the site, with that as their program. */
size_t firmware_served(const struct site *s, struct firmware ret[FIRMWARE_MAX]);
