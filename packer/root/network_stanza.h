/*
 * What a configuration of the network says of a card, or of all that fit, gathered line by line; and what of it is of one machine.
 * Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/fields.h"

/* The result, of all of them. */
struct network_config {
	/* the first name, or pattern, that no card has with net.ifnames=0; size 0: none */
	struct field card;
	struct field address; /* the first that a card gets; size 0: none */
	struct field mac;     /* the same, of MAC addresses */
	/* a card at one place in the machine (udev's ID_PATH), and its name; size 0: none */
	struct field place, placed;
	bool fits;   /* it names a card that has that name with net.ifnames=0, or all cards */
	bool is_any; /* it is for something else than lo, or may be */
};

struct network_stanza {
	/* patterns, with blanks or semicolons between them; size 0: none so far */
	struct field names;
	struct field address, mac;
	bool is_ethernet; /* it is for cards, by their kind */
	bool is_over;  /* it is a bridge, bond or VLAN of cards: what it has, their network sees */
	bool is_alone; /* it is a bridge of none */
};

/* The first value that another machine cannot have, too, is kept. */
void network_stanza_set_address(struct network_stanza *s, struct field value);
void network_stanza_set_mac(struct network_stanza *s, struct field value);

/* Notes a card by name or pattern. Is it one? */
bool network_stanza_note_card(struct network_config *c, struct field name);

/* What it says, goes to the result; the next begins. */
void network_stanza_finish(struct network_stanza *s, struct network_config *ret);

/* The next of names with blanks or semicolons between them; size 0: there is none. */
struct field network_stanza_next_name(struct field *names);
