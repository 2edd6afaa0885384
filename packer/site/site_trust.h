/*
 * The boot parts that machines of a site load: do they take the layers of single machines? A machine may boot any image, so its layer
 * must be signed if one of them has keys.
 */
#pragma once

#include "site/site_images.h"
#include "site/site_plan.h"

/* An image that has keys, or is signed for boot parts that are elsewhere. */
struct trusting {
	char name[SITE_NAME_MAX];
	struct signature_trust keys; /* with the date that its kernel line asks for; may be none */
};

struct site_trust {
	struct trusting *images; /* owned */
	size_t n;
};

/* Reads those that will be there when a plan, which site_plan_check() has found right, is carried out. On failure *ret is empty. */
int site_trust_read(const struct site *s, const struct site_plan *p, struct site_trust *ret,
		    struct fail *f);
void site_trust_free(struct site_trust *t);

/* Whose keys must take the layer of a machine: those of the entry that it boots by default, if they are known, else those of any image.
 * *ret: an array of pointers into t, the caller's. 0 or -ENOMEM with *f set. */
int site_trust_keys(const struct site_trust *t, const struct site *s, const struct site_machine *m,
		    const struct signature_trust ***ret, size_t *ret_n, struct fail *f);

/* Warns of machines that do not boot with the layers that they have. */
void site_trust_warn(const struct site_trust *t, const struct site *s);
