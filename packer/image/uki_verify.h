/*
 * Is a unified kernel image what it was made? image_verify.h is about the image in it.
 */
#pragma once

#include "image/image.h"

struct uki_verdict {
	bool has_kernel;    /* the kernel is the one that the manifest names */
	bool has_signature; /* it is of these bytes */
	bool has_cert;      /* and it is one of the certificate that was given */
};

/* cert: a file in PEM, NULL = none is asked for. image is in one. -EBADMSG: it was damaged or changed. */
int uki_verify(const struct image *image, const char *cert, struct uki_verdict *ret,
	       struct fail *f);
