/*
 * The layers that lie in an image: files in tarboot/layers, by name, as init lays them over the root.
 */
#pragma once

#include "engine/unpack.h"
#include "image/image.h"
#include "image/members.h"

#define EMBEDDED_LAYERS_DIR MEMBER_LAYERS "/"

struct embedded_layers {
	struct payload *payloads;    /* owned */
	struct unpack_layer *layers; /* owned, for unpack_options; of these payloads */
	size_t n;
};

bool embedded_layers_are_there(const struct image *image);

/* image must stay open as long. On failure *ret is empty. */
int embedded_layers_open(const struct image *image, struct embedded_layers *ret, struct fail *f);
void embedded_layers_close(struct embedded_layers *l);

/* Decodes all of each, and writes nothing. */
int embedded_layers_verify(const struct embedded_layers *l, unsigned threads, struct fail *f);
