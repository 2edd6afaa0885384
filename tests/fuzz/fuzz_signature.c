/* Public keys and signatures: what is read again as it was, holds to its limits, and is signed by no key that the fuzzer has. */
#include "image/signature.h"

#include "fuzz.h"

static const uint8_t nobody[32] = { 0x58, 0x66, 0x66, 0x66 }; /* no point that has a secret */

static void check_comment(const struct signature *s)
{
	struct signature_about about;

	promise(strlen(s->comment) < SIGNATURE_COMMENT_MAX);
	for (const char *c = s->comment; *c; c++)
		promise((unsigned char)*c >= ' ');
	signature_about_parse(s->comment, &about);
	promise(!*about.date ||
		(strlen(about.date) == SIGNATURE_DATE_MAX - 1 && signature_is_date(about.date)));
	promise(strlen(about.name) < sizeof(about.name) &&
		strlen(about.version) < sizeof(about.version));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct signature s, untouched;
	struct signature_key key;

	if (signature_key_parse(text, size, &key) == 0)
		fuzz_accepted++;
	memset(&s, 'x', sizeof(s));
	untouched = s;
	if (signature_parse(text, size, &s) < 0) {
		promise(memcmp(&s, &untouched, sizeof(s)) == 0);
		return 0;
	}
	fuzz_accepted++;
	check_comment(&s);
	memcpy(key.id, s.id, sizeof(key.id));
	memcpy(key.key, nobody, sizeof(key.key));
	promise(signature_check(&s, &key, 1, data, size) == -EBADMSG);
	return 0;
}
