/*
 * Publishing an image: all of its version is made aside, signatures included, before anything that machines load changes.
 */
#pragma once

#include "base/out.h"
#include "image/boot_keys.h"
#include "image/image_report.h"
#include "site/site_sign.h"
#include "site/site_version.h"

/* A version that is not published yet. It stays where it is while signing and trust point to it. */
struct site_draft {
	struct publishing p;         /* its texts, layers and kernel are the caller's */
	struct site_image image;     /* as it is published now */
	struct site_version version; /* that is to come, or the current one */
	/* of its boot part, with the date that its kernel line asks for */
	struct signature_trust keys;
	bool is_new;          /* else the current version stays */
	bool was_damaged;     /* it is new because the same is on the disk no more */
	bool is_signed_again; /* then it gets other signatures */
	char aside[PATH_MAX]; /* its directory until then */
	struct out_guard guard;
};

/* Can the image, whose boot part has these keys, be published so, as far as its files need not be read for that? -EPERM: not without a
 * signature; -EINVAL, -E2BIG: not with that title or kernel line. */
int site_draft_check(const struct site *s, const struct publishing *p,
		     const struct signature_trust *keys, struct fail *f);

/* Makes the next version of an image, that of the report, under its name; it is the current one if that has the same checksums and
 * settings. What is to be signed is added to signing. */
int site_draft_make(const struct site *s, const struct publishing *p,
		    const struct image_report *report, struct signing *signing,
		    struct site_draft *d, struct fail *f);

/* Completes it when the signatures are there. */
int site_draft_seal(const struct site_draft *d, struct fail *f);

/* It becomes the current version, and the current one the previous. */
int site_draft_publish(const struct site *s, struct site_draft *d, struct fail *f);

void site_draft_free(struct site_draft *d);
