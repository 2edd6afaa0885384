/*
 * What of the root's configuration of the network is for one machine only, and is packed as it is: names of cards, addresses. And
 * whether any is left.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tree/root_files.h"

/* The first of its kind, and the file that has it. "": there is none. */
struct network_finding {
	char text[64], path[256];
};

struct network_check {
	struct network_finding card;         /* which is not there */
	struct network_finding address, mac; /* that a card gets */
	struct network_finding address_of_dhcpcd;
	struct network_finding place; /* of a card that gets a name for it */
	bool fits;                    /* some are for cards that are there */
	bool is_left, is_left_out;    /* some stay; some do not */
	bool is_given;                /* an overlay has some: whoever made it knows his network */
};

/* Looks at a file of the root; others than those of the network are passed over. */
void network_check_file(struct network_check *c, const char *path, const char *text, size_t size,
			bool is_left_out);

/* Looks at a name in an overlay. */
void network_check_overlay(struct network_check *c, const char *path);

/* Looks at a file that is kept as it is, as somebody asked for. */
void network_check_kept(struct network_check *c, const char *path);

/* Warns. packed: what goes into the image. */
void network_check_warn(const struct network_check *c, const struct root_files *packed);
