/*
 * The layers of a container image: docker's manifest.json or repositories, or the index and manifest of an OCI image, tell
 * which blobs they are and what digests these have. What is read of them here is held against its digest, too.
 */
#pragma once

#include "source/blob_digest.h"
#include "source/blobs.h"
#include "source/image_list.h"

struct image_layer {
	char *name;                 /* of its blob, a tar that may be compressed; owned */
	uint64_t size;              /* of the blob; UINT64_MAX = not said */
	struct blob_digest digest;  /* of the blob; its size is 0 when it is not said, */
	struct blob_digest diff_id; /* and of the tar without its compression */
};

struct image_layers {
	struct image_layer *layers; /* the lowest first; owned */
	size_t n;
};

/* Takes the image that is chosen; choice may be NULL. */
int image_layers_read(const struct blobs *b, const struct image_choice *choice,
		      struct image_layers *ret, struct fail *f);

/* Reads all of them and compares sizes and digests. Where only that of the tar is said, it is decompressed for that. A
 * layer of docker's before version 1.10 has none. -EBADMSG with *f set: one is damaged. */
int image_layers_check(const struct blobs *b, const struct image_layers *l, struct fail *f);

void image_layers_free(struct image_layers *l);
