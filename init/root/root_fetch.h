/*
 * A root that is fetched: what tarboot.rootfs=URL means for the steps around the new root. The receiver process
 * (fetch/receive.h) is started here, watched and ended; the network is net/'s.
 */
#pragma once

#include "base/boot.h"

/* Starts to fetch what was only listed, into b->payload; b->plan is made. Does nothing when all is here. */
int root_fetch_start(struct boot *b);

#define FETCHED_TEXT_MAX (2 * SIZE_TEXT_MAX + 32)

/* A few times a second while the root is unpacked: the reader learns when the receiver has died. ret: how much has arrived, for
 * the bar; "" when nothing arrives. */
void root_fetch_watch(struct boot *b, char ret[FETCHED_TEXT_MAX]);

/* Ends it, and forgets what arrived. */
void root_fetch_stop(struct boot *b);

/* Can this image fetch what that parameter names? 0, or -ENOENT with b->fail. */
int root_fetch_check(struct boot *b, const char *parameter);

/* ---- for root_unpinned.c, root_signed.c and root_layer_fetch.c ---- */

enum root_fetch_what {
	ROOT_FETCH_ALL,      /* a file of b->arrival's size */
	ROOT_FETCH_WHOLE,    /* a file of unknown size, that of b->arrival at most */
	ROOT_FETCH_IF_THERE, /* the same; -ENOENT when no server has it */
	ROOT_FETCH_OPTIONAL, /* the same, if each server says clearly that it has none */
	ROOT_FETCH_PART,     /* of a file of unknown size: up to b->arrival's size */
};

/* Puts them into the order of this machine, once its network is up. */
void root_fetch_order(const struct boot *b, struct url *urls, size_t n);

/* An unlinked file in memory: its descriptor, or -errno. */
int root_fetch_open_file(void);

/* Starts the receiver, which fills b->arrival and fd. */
int root_fetch_run(struct boot *b, const struct url *urls, size_t n, int fd,
		   enum root_fetch_what what);

/* Fetches what b->arrival says, while PID 1 draws what has come, and ends the arrival. *ret_to: how far it came; *ret_size: bytes of
 * the whole file, as the server says, or 0. Returns as receive_run. */
int root_fetch_await(struct boot *b, const struct url *urls, size_t n, int fd,
		     enum root_fetch_what what, uint64_t *ret_to, uint64_t *ret_size);

/* A file of so many bytes at most, as what says, which is none of the first and the last. *ret: its descriptor, at its beginning, the
 * caller's; on failure untouched; b->fetched.from says whose it is. -ENOENT: no server has it; -EFBIG: it is larger. */
int root_fetch_file(struct boot *b, const struct url *urls, size_t n, uint64_t most,
		    enum root_fetch_what what, int *ret);
