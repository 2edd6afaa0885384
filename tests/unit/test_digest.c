/* Digests: the ones that b2sum -l 256 prints, whatever the pieces; as text and back. */
#include "base/digest.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

static const char x1000[] = "ab75119ede14ef06ebf31f745fb655ed006cccfe8054c635308a557f7c9beaba";

static void test_known(void)
{
	static const struct {
		const char *data, *digest;
	} known[] = {
		{ "", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8" },
		{ "abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319" },
	};
	char text[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct digest d = digest_of(known[i].data, strlen(known[i].data));

		is_str(digest_format(text, &d), known[i].digest, "of \"%s\"", known[i].data);
	}
}

/* BLAKE2b works on 128 bytes at a time. */
static void test_pieces(void)
{
	static const size_t sizes[] = { 1, 7, 127, 128, 129, 256, 999, 1000 };
	char data[1000], text[DIGEST_TEXT_MAX];
	struct digest_state s;
	struct digest d;

	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		digest_begin(&s);
		for (size_t at = 0; at < sizeof(data); at += sizes[i])
			digest_add(&s, data + at,
				   sizeof(data) - at < sizes[i] ? sizeof(data) - at : sizes[i]);
		d = digest_end(&s);
		is_str(digest_format(text, &d), x1000, "1000 bytes in pieces of %zu", sizes[i]);
	}
}

static void test_text(void)
{
	static const char *const bad[] = {
		"",
		"0",
		"x",
		"0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a",
		"0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a80",
		"0E5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
		"0g5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
		" 0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a",
	};
	struct digest d = { { 0 } }, same, untouched;
	char text[DIGEST_TEXT_MAX];

	d.bytes[0] = 0xf0;
	d.bytes[31] = 0x0f;
	is_int(digest_parse(digest_format(text, &d), &same), 0, "what was written is read");
	ok(digest_is_same(&d, &same), "as the same");
	same.bytes[31] ^= 1;
	ok(!digest_is_same(&d, &same), "a bit makes another");
	memset(&same, 0x5a, sizeof(same));
	untouched = same;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(digest_parse(bad[i], &same), -EINVAL, "refused: \"%s\"", bad[i]);
	ok(digest_is_same(&same, &untouched), "and nothing was written");
}

int main(void)
{
	test_known();
	test_pieces();
	test_text();
	return done_testing();
}
