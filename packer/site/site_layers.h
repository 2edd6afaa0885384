/*
 * The layers of a site: those of a version in its directory, for all machines that boot it; those of single machines in http/layers.
 */
#pragma once

#include "image/boot_keys.h"
#include "site/site_version.h"

/* Writes the layers of p into a version's directory: for the machine to fetch, or as initrds. */
int site_layers_write(const struct publishing *p, const struct boot_keys *keys,
		      const struct site_version *v, const char *directory, struct fail *f);

/* Publishes a layer for one machine, in both forms; p says how to sign it. The one before stays, for machines that have begun to boot. */
int site_layers_give(struct site *s, const char *mac, const struct layer *l,
		     const struct publishing *p, struct fail *f);

/* The machine has none any more. */
int site_layers_take(struct site *s, const char *mac, struct fail *f);

/* Has any machine one? */
bool site_layers_are_given(const struct site *s);

/* The words of the kernel command line with which a machine fetches them: all of a version, each with a space behind; one machine's own.
 * The result is the caller's; NULL: no memory. */
char *site_layers_words(const struct site *s, const char *name, const struct site_version *v);
char *site_layers_machine_word(const struct site *s, const struct site_machine *m);

/* The MAC of a machine whose layer has no signature; NULL: there is none. */
const char *site_layers_unsigned(const struct site *s);

/* Removes the files of machines that have no layer any more: they may hold secrets. For the end, when nothing names them. */
int site_layers_sweep(const struct site *s, struct fail *f);

/* The name of the initrd with a machine's layer, in http/layers. */
void site_layers_initrd(const struct site_machine *m, char ret[SITE_LAYER_FILE_MAX]);
