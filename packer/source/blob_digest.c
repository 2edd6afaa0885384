/* SHA-256 and SHA-512, and digests as text. */
#include "source/blob_digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static const struct {
	const char *name;
	unsigned size;
} algorithms[] = {
	{ "sha256:", crypto_hash_sha256_BYTES },
	{ "sha512:", crypto_hash_sha512_BYTES },
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_digits(const char *text, unsigned size, struct blob_digest *ret)
{
	struct blob_digest d = { .size = size };

	for (unsigned i = 0; i < size; i++) {
		int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		d.bytes[i] = (uint8_t)(high << 4 | low);
	}
	if (text[2 * size])
		return -EINVAL;
	*ret = d;
	return 0;
}

int blob_digest_parse(const char *text, struct blob_digest *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		size_t n = strlen(algorithms[i].name);

		if (strncmp(text, algorithms[i].name, n) == 0)
			return parse_digits(text + n, algorithms[i].size, ret);
	}
	return strchr(text, ':') ? -ENOTSUP : -EINVAL;
}

const char *blob_digest_format(char buf[BLOB_DIGEST_TEXT_MAX], const struct blob_digest *d)
{
	static const char digits[] = "0123456789abcdef";
	char *at = buf;

	*at = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].size == d->size)
			at = stpcpy(at, algorithms[i].name);
	for (unsigned i = 0; i < d->size; i++) {
		*at++ = digits[d->bytes[i] >> 4];
		*at++ = digits[d->bytes[i] & 15];
	}
	*at = '\0';
	return buf;
}

bool blob_digest_is_same(const struct blob_digest *a, const struct blob_digest *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* None of these can fail. */
void blob_hash_begin(struct blob_hash *h, const struct blob_digest *like)
{
	h->size = like->size;
	if (h->size == crypto_hash_sha512_BYTES)
		(void)crypto_hash_sha512_init(&h->state.sha512);
	else
		(void)crypto_hash_sha256_init(&h->state.sha256);
}

void blob_hash_add(struct blob_hash *h, const void *data, size_t size)
{
	if (h->size == crypto_hash_sha512_BYTES)
		(void)crypto_hash_sha512_update(&h->state.sha512, data, size);
	else
		(void)crypto_hash_sha256_update(&h->state.sha256, data, size);
}

struct blob_digest blob_hash_end(struct blob_hash *h)
{
	struct blob_digest d = { .size = h->size };

	if (h->size == crypto_hash_sha512_BYTES)
		(void)crypto_hash_sha512_final(&h->state.sha512, d.bytes);
	else
		(void)crypto_hash_sha256_final(&h->state.sha256, d.bytes);
	return d;
}
