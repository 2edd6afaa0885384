/*
 * The layers that lie in an image: files in tarboot/layers, by name, as init lays them over the root, and only such as init takes.
 */
#pragma once

#include "engine/unpack.h"
#include "image/boot_keys.h"
#include "image/image.h"

struct embedded_layers {
	struct payload *payloads;    /* owned */
	struct unpack_layer *layers; /* owned, for unpack_options; of these payloads */
	struct embedded_layer {
		bool has_digest; /* in its manifest, and it is right */
		bool is_signed;  /* its manifest is signed with one of the keys */
		/* bytes that it takes in RAM with pages of 4 KiB; 0 = nothing says it */
		uint64_t tree;
	} * about; /* owned; of these, too */
	size_t n;
};

/* Each is what its manifest says, which one of the keys has signed if there are any: as init asks. trust NULL: that of the image. image
 * must stay open as long. On failure *ret is empty. */
int embedded_layers_open(const struct image *image, const struct signature_trust *trust,
			 struct embedded_layers *ret, struct fail *f);
void embedded_layers_close(struct embedded_layers *l);

/* Decodes all of each by itself, and writes nothing. */
int embedded_layers_verify(const struct embedded_layers *l, unsigned threads, struct fail *f);

/* Prints a line for each on stdout. */
void embedded_layers_print(const struct embedded_layers *l);
