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
	/* A file of b->fetch.arrival's size. */
	ROOT_FETCH_ALL,
	/* A file of unknown size, that of b->fetch.arrival at most. While no server has it, it is waited for, until
	 * tarboot.netwait= has passed: somebody may be about to publish it. */
	ROOT_FETCH_WHOLE,
	/* Such a file, which may be missing: -ENOENT when one server refuses it (4xx, a page, redirects), and none of the others
	 * gives a file. */
	ROOT_FETCH_IF_THERE,
	/* Such a file, which may be missing: -ENOENT only when every server answers 404 or 410. */
	ROOT_FETCH_OPTIONAL,
	/* Bytes up to b->fetch.arrival's size, of a file of unknown size. */
	ROOT_FETCH_PART,
};

/* Puts them into the order of this machine, once its network is up. */
void root_fetch_order(const struct boot *b, struct url *urls, size_t n);

/* An unlinked file in memory: its descriptor, or -errno. */
int root_fetch_open_file(void);

/* Starts the receiver, which fills b->fetch.arrival and fd. */
int root_fetch_run(struct boot *b, const struct url *urls, size_t n, int fd,
		   enum root_fetch_what what);

/* Fetches what b->fetch.arrival says, while PID 1 draws what has come, and ends the arrival. *ret_to: how far it came; *ret_size:
 * bytes of the whole file, as the server says, or 0. Returns as receive_run. */
int root_fetch_await(struct boot *b, const struct url *urls, size_t n, int fd,
		     enum root_fetch_what what, uint64_t *ret_to, uint64_t *ret_size);

/* Fetches a file of max bytes at most; what: ROOT_FETCH_WHOLE, _IF_THERE or _OPTIONAL. *ret: its descriptor, at its beginning, the
 * caller's; on failure untouched; b->record.fetched.from says whose it is. -ENOENT: no server has it; -EFBIG: it is larger. */
int root_fetch_file(struct boot *b, const struct url *urls, size_t n, uint64_t max,
		    enum root_fetch_what what, int *ret);
