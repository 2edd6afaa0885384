/*
 * Watches the free memory while the root is unpacked, and gives up before the kernel runs out of it, which would kill
 * processes or, on a small machine with Linux 6.1, hang. And sets the size that the root keeps.
 */
#pragma once

#include "boot.h"

/* What the unpack child knows: it has no /proc. */
struct root_room {
	int meminfo_fd; /* owned; -1: there is nothing to look at */
	uint64_t page;  /* bytes of a page */
	uint64_t total; /* bytes of tar */
	uint64_t next;  /* bytes of tar before the next look */
};

void root_room_open(struct root_room *ret, uint64_t total);

/* For unpack_options.may_go_on: is there enough memory left for what comes next? -ENOMEM when not. */
int root_room_check(void *room, uint64_t bytes, struct fail *f);

/* Gives the tmpfs of a tree that nobody knew before the size of one that was known, and b->need its numbers. */
void root_room_settle(struct boot *b);

/* The limit of inodes for the tmpfs of a tree that takes so many. */
uint64_t root_room_inodes(uint64_t wanted);
