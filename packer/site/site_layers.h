/*
 * The layers of a site: those of a version in its directory, for all machines that boot it; those of single machines in http/layers.
 */
#pragma once

#include "base/out.h"
#include "site/site_sign.h"
#include "site/site_version.h"

/* ---- of versions ---- */

/* Writes the layers of p into a version's directory, for the machine to fetch. Of those that a boot loader loads only the manifests are
 * written, and only if they are to be signed: site_layers_seal() makes initrds of them. */
int site_layers_write(const struct publishing *p, const char *directory, struct fail *f);
int site_layers_seal(const struct publishing *p, const char *directory, struct fail *f);

/* The name of one of them as it is published: an archive for the machine, or an initrd for a boot loader. */
void site_layers_file(const struct publishing *p, size_t layer, char ret[SITE_LAYER_FILE_MAX]);

/* The name of the archive of one of them. Returns ret. */
const char *site_layers_archive(const struct publishing *p, size_t layer,
				char ret[SITE_LAYER_FILE_MAX]);

/* ---- of single machines ---- */

/* A directory for layers of single machines that are not published yet. From site_layers_guard() on, a signal that ends the program
 * removes what is there, until site_layers_unguard(). Starts as { 0 }. */
struct site_layers_aside {
	char path[PATH_MAX], parent[PATH_MAX];
	struct out_guard guard, parent_guard;
};

void site_layers_guard(const struct site *s, struct site_layers_aside *ret);
void site_layers_unguard(struct site_layers_aside *a);

/* Makes a layer for one machine, in both forms, aside; its initrd when the signature is there. The settings have it from now on. */
int site_layers_make(struct site *s, const char *mac, const struct layer *l, struct fail *f);
int site_layers_make_initrd(const struct site *s, const char *mac, const struct layer *l,
			    struct fail *f);

/* Adds the manifest of what is made aside, which one of these keys must have signed. */
int site_layers_sign(const struct site *s, const char *mac, struct signing *signing,
		     const struct signature_trust *const *keys, size_t n_keys, struct fail *f);

/* Publishes what is made aside. */
int site_layers_publish(const struct site *s, struct fail *f);

/* Removes what is made aside, or was left there. */
int site_layers_clean(const struct site *s, struct fail *f);

/* Removes old files of this machine; keeps those of its layer and of the previous one, which a machine may still be loading. Call it last,
 * after publishing. */
int site_layers_remove_old(const struct site *s, const char *mac, const struct site_layer *before,
			   struct fail *f);

/* Has any machine one? */
bool site_layers_are_given(const struct site *s);

/* Bytes of RAM that the largest of them takes. */
uint64_t site_layers_largest(const struct site *s);

/* Removes the files of machines that have no layer any more: they may hold secrets. Call it last, when nothing names them. */
int site_layers_sweep(const struct site *s, struct fail *f);

/* The name of the initrd with a machine's layer, in http/layers. */
void site_layers_initrd(const struct site_machine *m, char ret[SITE_LAYER_FILE_MAX]);

/* ---- of both ---- */

/* The words of the kernel command line with which a machine fetches them: all of a version, each with a space behind; one machine's own.
 * The result is the caller's; NULL: no memory. */
char *site_layers_words(const struct site *s, const char *name, const struct site_version *v);
char *site_layers_machine_word(const struct site *s, const struct site_machine *m);
