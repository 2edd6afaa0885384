/*
 * The files of a cpio archive that have several names, by file system and inode number. In newc only one of the names,
 * mostly the last, comes with the data: those before it wait here. Memory is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tar/cpio.h"

/* A name that waits for its data. */
struct cpio_name {
	struct cpio_name *next;
	char path[];
};

struct cpio_inode {
	struct cpio_inode *next_in_bucket, *next;
	struct cpio_header header; /* of the first name that was met */
	char *first;               /* the name under which its data came; NULL: it has not */
	struct cpio_name *names, **names_end;
	uint64_t size, digest; /* of its data; for the caller */
};

struct cpio_links;

/* memory: bytes that inodes and names may take. NULL without memory. */
struct cpio_links *cpio_links_new(size_t memory);
void cpio_links_free(struct cpio_links *links);

/* The inode that a header is about; a new one when none before it was the same. Two are the same when file system,
 * number and type are, and the device if they are one; exact: owner, mode, time, links and size as well, for numbers
 * that a format has cut. These three: 0, -ENOMEM; -E2BIG: more than links may have. */
int cpio_links_find(struct cpio_links *links, const struct cpio_header *h, bool exact,
		    struct cpio_inode **ret);
int cpio_links_set_first(struct cpio_links *links, struct cpio_inode *inode, const char *path);
int cpio_links_add_name(struct cpio_links *links, struct cpio_inode *inode, const char *path);

/* Takes the oldest waiting name of an inode; NULL: none. The caller gives it back with cpio_links_drop_name. */
struct cpio_name *cpio_links_take_name(struct cpio_inode *inode);
void cpio_links_drop_name(struct cpio_links *links, struct cpio_name *name);

/* The first inode that still waits for its data; NULL: none. An inode that once did not wait must not wait again. */
struct cpio_inode *cpio_links_waiting(struct cpio_links *links);
