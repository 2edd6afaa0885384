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
	/* a name, or pattern, that no card has with net.ifnames=0 */
	struct network_finding card;
	/* what every machine's card would get */
	struct network_finding address, mac;
	/* the same in dhcpcd.conf: it counts only where there is dhcpcd */
	struct network_finding address_of_dhcpcd;
	/* in the machine, by which a .link file gives a card its name */
	struct network_finding place;
	/* some configuration is for eth0, or for all cards */
	bool fits;
	/* some configuration of a card is packed */
	bool is_left;
	/* some was left out, as that of another machine's card */
	bool is_left_out;
	/* an overlay has some: whoever made it knows the network, and nothing is warned of */
	bool is_given;
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
