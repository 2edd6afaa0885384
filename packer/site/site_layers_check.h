/*
 * Are the layers of a site still what was published? What is on a disk may be damaged there, or have been copied to it by hand.
 */
#pragma once

#include "site/site_version.h"

/* Has the directory these layers, each with its digest? Reads all of them. */
bool site_layers_are_whole(const char *directory, const struct site_layer *layers, size_t n);

/* What is wrong with a machine's layer, as the end of a sentence about *ret, a file in http/layers; NULL: nothing. Reads all of it. */
const char *site_layers_fault(const struct site *s, const struct site_machine *m,
			      char ret[SITE_LAYER_FILE_MAX + 32]);
