/*
 * A root with layers over it, as init would unpack them and then start the new init.
 */
#pragma once

#include "engine/unpack.h"
#include "image/image.h"

/* Decodes an image's root, and how->layers, into a model of the names, and writes nothing: as image_unpack(). Then the init program that
 * the image was packed with must be left, if its manifest names one: -ENOENT or -ENOEXEC. */
int layered_root_verify(const struct image *image, const struct unpack_options *how,
			const char *doing, struct unpack_result *ret, struct fail *f);
