/*
 * The unpack engine as a command runs it: with a progress line while it works.
 */
#pragma once

#include "image/image.h"
#include "engine/unpack.h"

/* Runs unpack_run on the image's payload, with these options but for progress. Where nothing is to be written, it also
 * asks whether init could make every member, with names of its own unless there are some. Where something is, each Block must have
 * the digest that a manifest in the image says. */
int image_unpack(const struct image *image, const struct unpack_options *options, const char *doing,
		 struct unpack_result *ret, struct fail *f);

/* Like image_unpack(), but for a payload alone: no checks of names or digests. */
int image_unpack_payload(const struct payload *payload, struct unpack_options *options,
			 const char *doing, struct unpack_result *ret, struct fail *f);

/* For unpack_options.names: they may take a quarter of the free memory. The caller ends with root_tree_free. */
int image_names_new(struct root_tree **ret, struct fail *f);
