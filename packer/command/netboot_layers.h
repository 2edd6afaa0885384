/*
 * The layers that `tarboot netboot` is given: --layer, --machine-layer, and those of --hosts.
 */
#pragma once

#include "image/layer.h"
#include "site/site_version.h"

struct netboot_layer {
	char mac[MAC_TEXT_MAX]; /* "" = for all machines */
	char *from;             /* owned; NULL = the machine has none any more */
	struct layer layer;
};

struct netboot_layers {
	struct netboot_layer *given; /* owned */
	size_t n;
	struct layer *common; /* owned; those for all machines, which are given's */
	size_t n_common;
};

/* Adds what an option says; mac NULL: for all machines. Returns an exit code. */
int netboot_layers_add(struct netboot_layers *l, const char *mac, const char *from);
int netboot_layers_add_machine(struct netboot_layers *l, const char *value);

/* Reads --hosts FILE into the site; layers in it are relative to the directory of FILE. */
int netboot_layers_read_hosts(struct netboot_layers *l, struct site *s, const char *path,
			      struct fail *f);

/* Packs and checks all of them, before anything is published. */
int netboot_layers_open(struct netboot_layers *l, const struct site *s, struct fail *f);

/* Publishes those of single machines. p: how they are signed. */
int netboot_layers_publish(const struct netboot_layers *l, struct site *s,
			   const struct publishing *p, struct fail *f);

void netboot_layers_free(struct netboot_layers *l);
