/*
 * Under which name of a site an image is published: that of its file, unless another one is given.
 */
#pragma once

#include "site_images.h"

/* The name of the file itself, without its directories. */
const char *site_file_of(const char *image);

/* given: by --name, or NULL. Fails when no image can have the name, or when the image that has it came from a file of another
 * name: then this one is no version of it, unless the name was given. */
int site_name_image(const struct site *s, const char *image, const char *given,
		    char ret[SITE_NAME_MAX], struct fail *f);
