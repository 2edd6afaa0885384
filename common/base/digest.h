/*
 * BLAKE2b with 256 bits, by libsodium: the digests of the manifest. Pure.
 * `b2sum -l 256` prints the same.
 */
#pragma once

#include <sodium/crypto_generichash_blake2b.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_NAME "blake2b-256" /* as the manifest calls it */
#define DIGEST_SIZE 32
#define DIGEST_TEXT_MAX (2 * DIGEST_SIZE + 1)

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

struct digest_state {
	crypto_generichash_blake2b_state blake2b;
};

void digest_begin(struct digest_state *s);
void digest_add(struct digest_state *s, const void *data, size_t size);
struct digest digest_end(struct digest_state *s);

/* Of size bytes at once. */
struct digest digest_of(const void *data, size_t size);

bool digest_is_same(const struct digest *a, const struct digest *b);

/* Writes 64 hexadecimal digits in lower case and a NUL to buf and returns buf. */
const char *digest_format(char buf[DIGEST_TEXT_MAX], const struct digest *d);

/* Reads exactly that. 0 or -EINVAL. */
int digest_parse(const char *text, struct digest *ret);
