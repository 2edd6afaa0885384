/*
 * A payload that is still arriving. One process, the receiver, writes its bytes in order into a sparse file; the engine reads
 * them from there, waits until they have come, and gives back what is decoded. What both must know of each other is here, in
 * memory that the processes share. A payload that is here from the start, and whose Blocks are to have their digests, is one
 * without a receiver.
 *
 * A Block that has a digest is given to nobody before all of it is here and its digest is right: the first reader who comes for
 * it computes that, so all cores do. A Block with a wrong digest is written again by the receiver, and nothing else ever is: what
 * was checked stays as it is.
 *
 * Bytes that belong to no Block are not kept where there are Blocks: nobody reads them. A payload without any is kept whole, and
 * read as far as it has arrived.
 *
 * Why nobody waits for ever. The receiver stops while more than the window has arrived and was not given back. The engine
 * gives back all before its leading Block, and needs no more than that Block to go on; the window holds the largest Block, and
 * what lies before the first one is given back from the start. Every Block is read, and so checked. A receiver that gives up, and
 * an engine that fails, wake the other. A process that dies wakes nobody, so its parent watches it and calls arrival_fail() or
 * arrival_cancel().
 *
 * There is no lock that a killed process could leave behind: all fields are atomic, and each change that somebody may wait for
 * moves the counter that they look at.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/fail.h"

enum arrival_state {
	ARRIVAL_GOES_ON,
	ARRIVAL_COMPLETE,  /* all is here and right; written by the receiver */
	ARRIVAL_FAILED,    /* the receiver gave up, fail says why */
	ARRIVAL_CANCELLED, /* the reader gave up */
};

enum arrival_check {
	ARRIVAL_ABSENT,
	ARRIVAL_HERE, /* all its bytes are; written by the receiver, who then leaves them alone */
	ARRIVAL_CHECKING, /* by a reader */
	ARRIVAL_RIGHT,
	ARRIVAL_WRONG, /* the receiver is to write it again */
};

struct arrival_block {
	uint64_t offset, total; /* in the payload */
	struct digest digest;
	_Atomic uint32_t check; /* enum arrival_check */
	uint32_t url;           /* that sent its last byte; the receiver's own note */
	uint32_t again;         /* how often it was fetched again; likewise */
};

struct arrival {
	uint64_t size;   /* bytes of the payload; constant */
	uint64_t window; /* bytes that may be here and not given back; constant */
	size_t n_blocks; /* constant */
	size_t bytes;    /* of this struct with its Blocks; constant */
	/* All of it is from the start, and nobody writes a wrong Block again; constant. */
	bool is_here;
	bool has_outside;
	/* Of the bytes that belong to no Block, if that is known; constant. */
	struct digest outside;

	_Atomic uint32_t changes; /* counts them; a futex */
	_Atomic uint32_t waiting; /* threads that wait for one */
	_Atomic uint32_t state;   /* enum arrival_state */
	struct fail fail;         /* written by the receiver before ARRIVAL_FAILED */

	/* Bytes from the start that are in the file; written by the receiver. */
	_Atomic uint64_t arrived;
	/* Bytes from the start that nobody needs any more; written by readers. */
	_Atomic uint64_t given_back;
	/* Blocks that are right, and those that were found wrong, again and again; written by readers. */
	_Atomic uint64_t right, wrong;

	/* For reports; written by the receiver. Times by the clock of now_usec(). */
	_Atomic uint64_t first_byte, last_byte; /* when they came; 0: not yet */
	_Atomic uint64_t held;      /* microseconds without room: the readers were the limit */
	_Atomic uint64_t failures;  /* tries that failed */
	_Atomic uint32_t from;      /* the server that answered last: number of its URL */
	_Atomic uint64_t told_size; /* bytes of the file, as the server says; 0: it does not */

	struct arrival_block blocks[];
};

/* A payload of so many bytes and Blocks; the Blocks' offset, total and digest are set by the caller, in order and before
 * anything arrives. Shared with the processes that fork from this one. NULL: no memory. */
struct arrival *arrival_new(uint64_t size, uint64_t window, size_t n_blocks);
void arrival_free(struct arrival *a);

/* All of it is here, and there will be no receiver. */
void arrival_set_here(struct arrival *a);

/* ---- readers ---- */

/* Reads up to size bytes at offset of the payload; their number, 0 at its end, or -errno. */
typedef ssize_t arrival_read(const void *from, uint64_t offset, void *buf, size_t size);

/* Waits until the byte at offset may be read; read, of from: how its Block is, to be checked. *ret_size: how many may be from
 * there on, size at most and one at least. 0, -ECANCELED when no more will come, -ENODATA for a byte that is not kept, -EBADMSG for
 * one of a wrong Block that nobody will write again. Any thread. */
int arrival_wait(struct arrival *a, arrival_read *read, const void *from, uint64_t offset,
		 size_t size, size_t *ret_size);

/* Nobody needs the bytes before this one any more. */
void arrival_give_back(struct arrival *a, uint64_t to);

/* Waits until all is here and right. 0 or -ECANCELED. Without a receiver: has each Block been read, and was right? */
int arrival_wait_complete(struct arrival *a);

/* The receiver's failure, once the state is ARRIVAL_FAILED. Returns it. */
int arrival_failure(const struct arrival *a, struct fail *f);

/* The reader gives up: all who wait wake. Does nothing once it is complete or has failed. */
void arrival_cancel(struct arrival *a);

/* Bytes that have arrived and were not given back. */
uint64_t arrival_kept(const struct arrival *a);

/* ---- the receiver ---- */

/* Bytes that may be written behind those that have arrived. */
uint64_t arrival_room(const struct arrival *a);

/* Is the byte at offset one that the file keeps? *ret_end: up to where the same is true. */
bool arrival_is_kept(const struct arrival *a, uint64_t offset, uint64_t *ret_end);

/* So many bytes more have come, from that URL, and those that are kept are in the file. Wakes those who wait when they may be read:
 * with the end of a Block, where there are Blocks. */
void arrival_add(struct arrival *a, uint64_t bytes, uint32_t url);

/* The first Block that is wrong; n_blocks: there is none. */
size_t arrival_find_wrong(const struct arrival *a);

/* Notes that the Block was written again, with data from that URL. */
void arrival_put_again(struct arrival *a, size_t block, uint32_t url);

bool arrival_all_right(const struct arrival *a);
void arrival_complete(struct arrival *a);
void arrival_fail(struct arrival *a, const struct fail *f);

/* ---- both ---- */

enum arrival_state arrival_state(const struct arrival *a);

/* The counter of changes, to be read before one looks at what one waits for. */
uint32_t arrival_changes(const struct arrival *a);

/* Waits until there are more changes than these, milliseconds at most. */
void arrival_wait_change(struct arrival *a, uint32_t changes, int milliseconds);
