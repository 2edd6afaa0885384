/*
 * Watches the free memory while the root is unpacked, and stops before memory is exhausted: then the kernel would kill
 * processes or, on a small machine with Linux 6.1, hang. Also sets the final size of the root.
 */
#pragma once

#include "base/boot.h"

/* State of the unpack child, which has no /proc. */
struct root_room {
	int meminfo_fd;                /* owned; -1: not available */
	int statm_fd;                  /* of this process, owned; -1: not available */
	uint64_t engine;               /* bytes that it may take at most, headers aside */
	uint64_t taken;                /* of these, the most that was seen in memory */
	uint64_t page;                 /* bytes of a page */
	uint64_t total;                /* bytes of tar, layers included */
	const struct arrival *arrival; /* what may arrive meanwhile; NULL: nothing */
	const struct zram *zram;       /* what can still be compressed */
};

void root_room_open(struct root_room *ret, const struct boot *b);

/* For unpack_options.may_go_on: is there enough memory left for what comes next, for what waits to be written, for what
 * the engine may still take and for what may arrive? What zram can still save counts as free. -ENOMEM when not. */
int root_room_check(void *room, uint64_t bytes, uint64_t unwritten, uint64_t *ret_next,
		    struct fail *f);

/* After unpacking a payload without manifest: sets b->need and the size of the tmpfs as if they had been known before. */
void root_room_settle(struct boot *b);

/* The inode limit of a tmpfs for a root with so many inodes. */
uint64_t root_room_inodes(uint64_t wanted);
