/*
 * Are the layers of a site still what was published? What is on a disk may be damaged there, or have been copied to it by hand.
 */
#pragma once

#include "site/site_version.h"

/* Has the directory these layers, each with its digest? Reads all of them. */
bool site_layers_are_whole(const char *directory, const struct site_layer *layers, size_t n);

/* file: in SITE_LAYERS; why: the end of a sentence about it. */
typedef void layer_fault_fn(const struct site_machine *m, const char *file, const char *why);

/* Calls tell for each machine with whose layer something is wrong: its files are missing, have the wrong size, or a manifest of another
 * one; and, if all of them are to be read, with progress, other bytes. */
void site_layers_find_faults(const struct site *s, bool reads_all, layer_fault_fn *tell);
