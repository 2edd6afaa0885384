/*
 * The name under which an image is published: that of its file, unless another one is given.
 */
#pragma once

#include "site/site_images.h"

/* given: by --name, or NULL. Fails if no image can have the name. If the name was not given, also fails if the
 * published image of this name was made from a file with another name, because then this is not a new version of it. */
int site_name_image(const struct site *s, const char *image, const char *given,
		    char ret[SITE_NAME_MAX], struct fail *f);
