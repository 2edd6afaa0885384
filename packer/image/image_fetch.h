/*
 * An image or payload at a URL, for `unpack` and `verify`. With a manifest beside it (URL.manifest, as `tarboot netboot --stream`
 * publishes it) it is read while it arrives, and each Block is checked first; without, it is fetched as a whole before.
 */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "image/boot_keys.h"
#include "image/image.h"

struct image_fetch {
	struct image image;                 /* its payload may still arrive */
	char *name;                         /* of it, for messages; owned */
	struct arrival *arrival;            /* NULL: all is here */
	pid_t receiver;                     /* while it arrives */
	pthread_t waiter;                   /* for the receiver's end */
	const struct signature_trust *keys; /* as wished; NULL: signed or not */
	struct signature_about signer;      /* with keys: who signed the manifest */
};

struct image_fetch_wish {
	const char *manifest; /* the file it must fit; NULL: that beside it */
	/* one of which must have signed that beside it; NULL: signed or not */
	const struct signature_trust *keys;
};

/* Begins to fetch it, and tells on stderr what goes wrong on the way. */
int image_fetch_open(const char *urls, const struct image_fetch_wish *wish, struct image_fetch *ret,
		     struct fail *f);

/* Ends what still runs. */
void image_fetch_close(struct image_fetch *x);
