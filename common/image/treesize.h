/*
 * What the members of an archive take in a tmpfs, counted one after the other: the numbers that stand in a
 * manifest. Pure.
 */
#pragma once

#include <stdint.h>

#include "image/manifest.h"
#include "tar/member.h"

#define TREESIZE_PAGES 3 /* sizes of pages that are counted for: 4, 16 and 64 KiB */

/* Starts as { 0 }. */
struct treesize {
	uint64_t members, inodes, files, directories;
	uint64_t data_bytes;  /* of files, holes left out */
	uint64_t xattr_bytes; /* kernel memory for extended attributes */
	/* bytes in whole pages: data, and long targets of symlinks */
	uint64_t pages[TREESIZE_PAGES];
	/* of the current file: the first page that is not yet counted */
	uint64_t next[TREESIZE_PAGES];
};

void treesize_add_member(struct treesize *t, const struct member *m);

/* Data of the member that was added last. In the order of the file; what lies between is a hole. */
void treesize_add_data(struct treesize *t, uint64_t offset, uint64_t size);

/* The same for one that reads an archive (engine/unpack.h) and hands on a struct treesize; at: where the member's header is. */
void treesize_take_member(void *treesize, const struct member *m, uint64_t at);
void treesize_take_data(void *treesize, uint64_t offset, uint64_t size);

/* Sets the manifest's numbers. */
void treesize_tell(const struct treesize *t, struct manifest *m);
