/*
 * Signatures of unified kernel images, for Secure Boot: made and checked by Debian's sbsigntool. What a signature is of is
 * also computed here, so that damage is found without a certificate.
 */
#pragma once

#include "base/out.h"
#include "image/uki.h"

/* Signs the file `from` and writes the result to `to`, which is open and empty. key, cert: files in PEM. name: for messages. */
int uki_sign(const struct out *from, const char *key, const char *cert, const char *name,
	     struct out *to, struct fail *f);

/* Is the file a certificate in PEM, as sbsign and sbverify want it? */
int uki_check_is_cert(const char *path, struct fail *f);

/* Is its signature one of that certificate (a file in PEM)? */
int uki_check_cert(const struct uki *uki, const char *path, const char *cert, struct fail *f);

/* Is its signature one of these bytes, and are all bytes of the file in it? Nothing is asked about whose it is. */
int uki_check_signature(const struct uki *uki, const char *path, struct fail *f);

static inline bool uki_is_signed(const struct uki *uki)
{
	return uki->pe.signature_size > 0;
}
