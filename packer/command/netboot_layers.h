/*
 * The layers that `tarboot netboot` is given: --layer, --machine-layer, and those of --hosts.
 */
#pragma once

#include "image/layer.h"
#include "site/site_layers.h"
#include "site/site_trust.h"

struct netboot_layer {
	char mac[MAC_TEXT_MAX]; /* "" = for all machines */
	char *from;             /* owned; NULL = the machine has none any more */
	bool is_typed;          /* on the command line */
	struct layer layer;
	struct site_layer before; /* that the machine has had */
};

struct netboot_layers {
	struct netboot_layer *given; /* owned */
	size_t n;
	struct layer *common; /* owned; those for all machines, which are given's */
	size_t n_common;
	struct site before; /* its machines alone, as they were before this run */
	struct site_layers_aside aside;
};

/* Notes what machines have, before any is forgotten or changed. */
int netboot_layers_note(struct netboot_layers *l, const struct site *s, struct fail *f);

/* Adds what an option says; mac NULL: for all machines. Returns an exit code. */
int netboot_layers_add(struct netboot_layers *l, const char *mac, const char *from);
int netboot_layers_add_machine(struct netboot_layers *l, const char *value);

/* Reads --hosts FILE into the site; layers in it are relative to the directory of FILE. */
int netboot_layers_read_hosts(struct netboot_layers *l, struct site *s, const char *path,
			      struct fail *f);

/* What can be wrong with them is said before they are packed, which may take minutes. */
int netboot_layers_check(const struct netboot_layers *l, struct fail *f);

/* Must those of single machines be signed for an image, while p signs nothing? -EPERM. */
int netboot_layers_check_signed(const struct netboot_layers *l, const struct publishing *p,
				const struct site_trust *trust, struct fail *f);

/* Packs and checks all of them, before anything is published. */
int netboot_layers_open(struct netboot_layers *l, const struct site *s, struct fail *f);

/* Makes those of single machines aside; then, when the images are made, too, adds them to what p signs; makes their initrds when that is
 * done; and publishes all. */
int netboot_layers_give(struct netboot_layers *l, struct site *s, struct fail *f);
int netboot_layers_sign(const struct netboot_layers *l, const struct site *s,
			const struct publishing *p, const struct site_trust *trust,
			struct signing *signing, struct fail *f);
int netboot_layers_seal(const struct netboot_layers *l, const struct site *s, struct fail *f);
int netboot_layers_publish(struct netboot_layers *l, const struct site *s, struct fail *f);

/* Is there a layer of a single machine that is not "none"? */
bool netboot_layers_has_new(const struct netboot_layers *l);

/* Removes what these machines had before, but for the last layer, when no script names it any more. */
int netboot_layers_remove_old(const struct netboot_layers *l, const struct site *s, struct fail *f);

void netboot_layers_free(struct netboot_layers *l);
