/*
 * The compressed root archive as one run of bytes, wherever it lies: a file, several files
 * (PATH.000, PATH.001, … for what newc cannot hold in one), or stretches of an image file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"
#include "codec/arrival.h"

/* What to do about a damaged one. */
#define PAYLOAD_TODO_COPY "Copy the image again, or pack it again."

struct payload_part {
	int fd;          /* owned */
	uint64_t offset; /* in fd */
	uint64_t size;
	bool ends_file; /* nothing follows it in fd */
};

struct payload {
	char name[128];             /* for messages */
	struct payload_part *parts; /* owned */
	size_t n_parts;
	uint64_t size; /* bytes of all parts */

	/* Of a payload that arrives, or whose Blocks are to have their digests; else empty. */
	/* Where something arrives, in its only part, which is all of a file; not owned. */
	struct arrival *arrival;
	uint64_t hole,
		hole_end; /* while its Blocks are listed: bytes that are not here, and read as zeros */
};

/* Opens path, or path.000 and its followers. Relative paths start at dir_fd. writable: the pages
 * may be given back with payload_discard. -ENOENT when there is neither. */
int payload_open(int dir_fd, const char *path, bool writable, struct payload *ret, struct fail *f);

/* Appends a part; takes fd over, on failure too. 0 or -ENOMEM. */
int payload_add(struct payload *p, int fd, uint64_t offset, uint64_t size);

/* Reads up to size bytes at offset. Returns their number (0 only at the end) or -errno. Any thread
 * may call it. Waits for bytes that have not arrived yet; -ECANCELED when they never will. -EBADMSG for a Block that has not
 * its digest. */
ssize_t payload_read(const struct payload *p, uint64_t offset, void *buf, size_t size);

/* The same across parts: as many bytes as there are, size at most. */
ssize_t payload_read_up_to(const struct payload *p, uint64_t offset, void *buf, size_t size);

/* The failure of a read that returned error. Returns it. */
int payload_fail_read(const struct payload *p, int error, struct fail *f);

/* Is one of these bytes in the hole? */
bool payload_lacks(const struct payload *p, uint64_t offset, uint64_t size);

/* Did it stop arriving, so that a failure to read it says all? */
bool payload_has_failed(const struct payload *p);

/* Waits until all of a payload that still arrives is here and right. 0, or -errno with *f set. */
int payload_wait_complete(const struct payload *p, struct fail *f);

/* Nobody will read it any more: who waits for bytes of it wakes, and nothing more arrives. */
void payload_cancel(const struct payload *p);

/* Gives the memory of [from, to) back where the file system can (tmpfs): the pages that lie wholly in it, the
 * last one of a file too when its last bytes do. They then read as zeros. Silent: it is no loss where it does
 * not work. */
void payload_discard(const struct payload *p, uint64_t from, uint64_t to);

/* Nothing before this offset will be read any more, so that more may arrive. */
void payload_done_before(const struct payload *p, uint64_t offset);

/* Where the page starts that holds this byte, or the part, if that starts within the page: what payload_discard
 * has left when it was called up to offset. */
uint64_t payload_page_start(const struct payload *p, uint64_t offset);

void payload_close(struct payload *p);
