/*
 * One layer on its way to struct layer: from the initramfs or a server, held against its digest.
 */
#pragma once

#include "base/boot.h"
#include "image/members.h"
#include "parameters/layer_param.h"

#define LAYERS_DIR "/" MEMBER_LAYERS

/* What is known of a layer before it is opened. */
struct layer_wish {
	const char *from;            /* path, or URLs, filled in */
	const struct digest *digest; /* of the whole file; NULL: not said */
	bool may_be_missing;
};

/* Opens the layer at that path of the initramfs, and adds it to b. 1: it is not there, and may be missing; 0, or -errno with b->fail. */
int root_layer_read(struct boot *b, const struct layer_wish *wish);

/* The same of URLs; once the network is up. */
int root_layer_fetch(struct boot *b, const struct layer_wish *wish);

/* ---- between root_layer.c and root_layer_fetch.c ---- */

/* Adds what is open, and has the digest that it shall have; the manifest, if it has one, says the needs. Takes payload over, on failure
 * too. */
int root_layer_add(struct boot *b, struct payload *payload, const struct layer_wish *wish,
		   const struct manifest *m);
