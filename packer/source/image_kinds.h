/*
 * The ways in which archives and directories tell which images they have in them, behind image_layers.h, and what
 * these ways share.
 */
#pragma once

#include "source/image_layers.h"

#define BLOB_NAME_MAX 256
#define LAYERS_MAX 4096

struct image_kind {
	int (*list)(const struct blobs *b, struct image_list *ret, struct fail *f);
	/* Adds the layers of an image that list() found; id is the entry's, size of its manifest. */
	int (*read)(const struct blobs *b, const struct image_entry *e, struct image_layers *ret,
		    struct fail *f);
};

extern const struct image_kind image_kind_oci; /* index.json */
extern const struct image_kind
	image_kind_directory;                     /* skopeo's dir: one manifest, blobs beside it */
extern const struct image_kind image_kind_docker; /* manifest.json, from docker 1.10 on */
extern const struct image_kind image_kind_old_docker; /* repositories, before that */

/* Something in it is not as it must be. Sets *f and returns -EBADMSG. */
int image_fail(const struct blobs *b, const char *why, struct fail *f);

/* A part of the image as text, the caller's. what: "its manifest", for messages. size: UINT64_MAX = not said; a digest
 * of size 0 likewise. NULL with *f set: it is missing or damaged. */
char *image_read_text(const struct blobs *b, const char *name, const char *what, uint64_t size,
		      const struct blob_digest *digest, struct fail *f);

/* Adds a layer; name is copied. Digests and size are not said. */
int image_layers_add(const struct blobs *b, struct image_layers *l, const char *name,
		     struct image_layer **ret, struct fail *f);

/* Takes the digests of the layers' tars from the text of an image's configuration. */
int image_read_config(const struct blobs *b, const char *config, struct image_layers *l,
		      struct fail *f);

/* Reads os, architecture and variant of an object. */
void image_platform_read(const char *object, struct image_platform *ret);

/* The number of bytes that an object says it has; UINT64_MAX: it does not. */
uint64_t image_size_read(const char *object);
