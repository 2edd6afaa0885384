/* libsodium's BLAKE2b, and digests as text. */
#include "base/digest.h"

#include <errno.h>
#include <string.h>

/* None of these can fail but for a wrong length of key or digest. */
void digest_begin(struct digest_state *s)
{
	(void)crypto_generichash_blake2b_init(&s->blake2b, NULL, 0, DIGEST_SIZE);
}

void digest_add(struct digest_state *s, const void *data, size_t size)
{
	(void)crypto_generichash_blake2b_update(&s->blake2b, data, size);
}

struct digest digest_end(struct digest_state *s)
{
	struct digest d = { { 0 } };

	(void)crypto_generichash_blake2b_final(&s->blake2b, d.bytes, DIGEST_SIZE);
	return d;
}

struct digest digest_of(const void *data, size_t size)
{
	struct digest_state s;

	digest_begin(&s);
	digest_add(&s, data, size);
	return digest_end(&s);
}

bool digest_is_same(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

const char *digest_format(char buf[DIGEST_TEXT_MAX], const struct digest *d)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		buf[2 * i] = digits[d->bytes[i] >> 4];
		buf[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	buf[2 * DIGEST_SIZE] = '\0';
	return buf;
}

static int parse_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_parse(const char *text, struct digest *ret)
{
	struct digest d;

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = parse_digit(text[2 * i]);
		int low = high < 0 ? -1 : parse_digit(text[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		d.bytes[i] = (uint8_t)(high << 4 | low);
	}
	if (text[2 * DIGEST_SIZE])
		return -EINVAL;
	*ret = d;
	return 0;
}
