/*
 * What init asks of a layer before it unpacks it, and the command of one that it checks: is it one by its name, and is it what its
 * manifest says?
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/fail.h"
#include "codec/payload.h"
#include "image/manifest.h"

/* Is a file of that name in tarboot/layers no layer, but its manifest or the signature of that? */
bool layer_is_beside(const char *name);

/* The length of the layer's name in that of what lies beside it. */
size_t layer_length_beside(const char *name);

/* -ENOENT: what lies at that path has no layer beside it. */
int layer_fail_alone(const char *path, struct fail *f);

/* The name of any other file there must end as a layer's. 0, or -EINVAL with *f set. */
int layer_check_kind(const char *path, struct fail *f);

/* Is its manifest, of that path, about a file of so many bytes? 0, or -EBADMSG with *f set. */
int layer_check_size(const struct manifest *m, const char *path, uint64_t size, struct fail *f);

/* The name of the file at that path, or at the first of these URLs: without directories and query. Not terminated. */
const char *layer_name_of(const char *from, size_t *ret_length);

/* Of a signed manifest: is it about a layer of that name, and does it say what that must be? from: the layer's path, or URLs. 0, or
 * -EKEYREJECTED with *f set. */
int layer_check_signed(const struct manifest *m, const char *from, struct fail *f);

/* Reads all of it: has it that digest? 0; -EBADMSG, or -errno, with *f set. */
int layer_check_digest(const struct payload *p, const struct digest *wanted, struct fail *f);

/* -EBADMSG: what says the digest of a layer, and what it is, are not the same. */
int layer_fail_digest(struct fail *f, const char *name, const struct digest *is,
		      const struct digest *wanted);
