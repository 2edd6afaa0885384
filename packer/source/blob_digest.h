/*
 * Digests as container images name their parts: "sha256:" or "sha512:" and hexadecimal digits. By libsodium. Pure.
 */
#pragma once

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_hash_sha512.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOB_DIGEST_TEXT_MAX (8 + 2 * 64)

struct blob_digest {
	unsigned size; /* bytes: 32 is SHA-256, 64 SHA-512; 0 = not said */
	uint8_t bytes[64];
};

struct blob_hash {
	unsigned size;
	union {
		crypto_hash_sha256_state sha256;
		crypto_hash_sha512_state sha512;
	} state;
};

/* Reads "ALGORITHM:DIGITS". 0; -EINVAL: it is none; -ENOTSUP: an algorithm that is not known here. */
int blob_digest_parse(const char *text, struct blob_digest *ret);

/* Writes it like that and returns buf. */
const char *blob_digest_format(char buf[BLOB_DIGEST_TEXT_MAX], const struct blob_digest *d);

bool blob_digest_is_same(const struct blob_digest *a, const struct blob_digest *b);

/* Like a digest that is said. */
void blob_hash_begin(struct blob_hash *h, const struct blob_digest *like);
void blob_hash_add(struct blob_hash *h, const void *data, size_t size);
struct blob_digest blob_hash_end(struct blob_hash *h);
