/*
 * The members of a payload by path, with their size in RAM and their share of the compressed bytes in the image.
 */
#pragma once

#include "codec/codec.h"
#include "image/image.h"
#include "tar/member.h"
#include "image/treesize.h"

struct listed {
	char *path;   /* owned; without "./", "/" or a slash at the end; "" = the root */
	char *target; /* owned; of links, else NULL */
	enum member_type type;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	struct timespec mtime;
	uint64_t size; /* bytes of a file */
	uint64_t ram;  /* as a tmpfs with pages of 4 KiB counts: without holes */
	uint64_t at;   /* offset in the tar */
	double packed; /* compressed bytes: the share of its Blocks */
};

struct contents {
	/* owned; sorted by path; if a path occurs several times, the last */
	struct listed *members;
	size_t n;
	struct treesize size; /* of all members */
	bool failed;          /* memory ran out */
};

/* Decodes the payload, which also checks it. blocks: its Blocks. */
int contents_read(const struct image *image, const struct block_list *blocks, struct contents *ret,
		  struct fail *f);
void contents_free(struct contents *l);

/* Words for messages: "file", "directory"… */
const char *listed_type(const struct listed *m);
