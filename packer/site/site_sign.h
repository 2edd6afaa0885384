/*
 * The signatures of published manifests, by minisign(1): those of one run are made by one call, so that it asks for the password of
 * the key once.
 */
#pragma once

#include "image/boot_keys.h"
#include "site/site.h"

/* A manifest, and who must find its signature right. */
struct signing_file {
	char *manifest; /* its path; owned */
	/* one of these; owned, what they point to is the caller's */
	const struct signature_trust **keys;
	size_t n_keys;   /* 0: nobody asks */
	char *signature; /* by signing_run(); owned */
	size_t signature_size;
};

/* Starts as { 0 }. */
struct signing {
	struct signing_file *files; /* owned */
	size_t n;
	char names[64], versions[64]; /* of images, for the comment */
};

/* Adds DIRECTORY/FILE.manifest, whose signature will be FILE.manifest.minisig beside it. 0 or -errno with *f set. */
int signing_add(struct signing *s, const char *directory, const char *file,
		const struct signature_trust *const *keys, size_t n_keys, struct fail *f);

/* The comment shall tell about this version of an image. */
void signing_tell(struct signing *s, const char *name, const char *version);

/* Can the key be read, and is minisign installed? What only the password tells is told by signing_run(). */
int signing_check(const char *key, struct fail *f);

/* Signs all of them with the secret key in a file of minisign's, and checks each signature as the machines will. Then all are there, or
 * none. */
int signing_run(struct signing *s, const struct site *site, const char *key, struct fail *f);

/* Removes what a run that was interrupted has left. */
int signing_sweep(const struct site *site, struct fail *f);

void signing_free(struct signing *s);
