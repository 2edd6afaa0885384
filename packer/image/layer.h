/*
 * A layer to publish: a directory or an archive as a payload, with a manifest of its own.
 */
#pragma once

#include <sys/stat.h>

#include "codec/codec.h"
#include "codec/payload.h"
#include "image/manifest.h"

#define LAYER_STEM_MAX 64 /* bytes of a name without its suffix, with the NUL */

struct layer {
	struct payload payload;
	struct manifest manifest; /* all but the name of the payload */
	const char *suffix;       /* of its codec, behind ".tar" */
	struct stat seen;         /* before it was read: see unchanged.h */
};

/* Can there be a layer at path, as far as that is known before a directory is packed, or an archive decoded? */
int layer_check(const char *path, struct fail *f);

/* Reads a directory, which is packed (what its keeper owns is root's), or a .tar, .tar.xz or .tar.zst, which is checked to its end and
 * published as it is. In a directory, files called .wh.NAME are whiteouts, and so is what overlayfs has for one. aside: a path in a
 * directory for what is packed, which gets no name there. */
int layer_open(const char *path, const char *aside, struct layer *ret, struct fail *f);
void layer_close(struct layer *l);

/* Bytes of RAM that it takes over a root, by its manifest, with pages of 4 KiB. */
uint64_t layer_tree_bytes(const struct manifest *m);

/* Writes DIRECTORY/STEM.tar.SUFFIX.manifest. */
int layer_write_manifest(const struct layer *l, const char *directory, const char *stem,
			 struct fail *f);

/* The same, and STEM.tar.SUFFIX. */
int layer_write(const struct layer *l, const char *directory, const char *stem, struct fail *f);

/* Writes DIRECTORY/STEM.img, an initrd with the layer in /tarboot/layers, and the manifest, and its signature if the directory has one. */
int layer_write_initrd(const struct layer *l, const char *directory, const char *stem,
		       struct fail *f);
