/*
 * The machines of a room in a text file. Either form may be in it, line by line:
 *
 *     MAC NAME                               as /etc/ethers has it; or MAC ADDRESS, or MAC ADDRESS NAME
 *     MAC,ADDRESS,NAME,ENTRY,LAYER           what is empty or missing is not said; values may stand in double quotes
 *
 * Lines that begin with # are comments, and so is what stands before the first machine and begins with "mac"; in the first form also the
 * rest of a line from a word on that begins with #. Octets of a MAC address may have one digit. Of a name with a domain the host part is
 * taken. Pure: text in, struct out.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/net_text.h"

#define HOSTS_NAME_MAX 33 /* as name_is_plain() takes it, with the NUL */

struct hosts_machine {
	char mac[MAC_TEXT_MAX];                           /* lower case, with colons */
	uint32_t address;                                 /* 0 = not said */
	char name[HOSTS_NAME_MAX], entry[HOSTS_NAME_MAX]; /* "" = not said */
	char layer[PATH_MAX];                             /* as in the file; "" = not said */
};

struct hosts_file {
	const char *at; /* what is left to read */
	unsigned line;  /* number of the one that was read last */
	bool has_begun; /* there was a machine */
};

/* The next machine: 1; 0 at the end; -EINVAL: *ret_wrong says what is wrong with that line, for the end of a message. */
int hosts_next(struct hosts_file *h, struct hosts_machine *ret, const char **ret_wrong);
