/*
 * Which layers a container image consists of: docker's manifest.json, or the index and manifest of an OCI image.
 */
#pragma once

#include "blobs.h"

#define LAYERS_MAX 256

struct image_layers {
	char *names[LAYERS_MAX]; /* blobs, the lowest first; owned */
	size_t n;
};

/* Takes the image for this machine's kind when there are several. */
int image_layers_read(const struct blobs *b, struct image_layers *ret, struct fail *f);
void image_layers_free(struct image_layers *l);
