/* Signatures that minisign 0.11 made, and what can be wrong with them. tests/pack/trust.t makes new ones with minisign itself. */
#include "image/signature.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

#define KEY "RWQrP6eQCtM4xgKdsOhwAqoXgFxxZZMdnl0M7tgW4iBRmx60IE/a220q"
#define OF_FILE                                                               \
	"RUQrP6eQCtM4xlz5SOhE1czagjwlg4ajJj3vUhyixdSFqfKi+lSSnEei4pyG5Hotuq+" \
	"OPowLs88DnkD1efJYgyUjBXlpZu5BYg8="
#define COMMENT "tarboot manifest name=room version=20261129-1 date=2026-11-29T21:15:00Z"
#define OF_COMMENT \
	"rWzjRF20B99D4FUtzYa9YXzNkvO5c4I0jGmP6zsuU1ynAZNKHFdberBNRes06BmyNr9/zR4VjnH2G2FK9jLsDw=="
/* Of the same key, of "x", not prehashed. */
#define OLD                                               \
	"RWQrP6eQCtM4xrhSmxiuJBtW1HJXMntz4oxLECeZLAc89N/" \
	"ThpdUqOstK1kdtvnpZamX1rDkXGOaYQx0RR90WefnQEvKgDxXKA0="

#define UNTRUSTED "untrusted comment: what anybody may write\n"
#define SIGNATURE UNTRUSTED OF_FILE "\ntrusted comment: " COMMENT "\n" OF_COMMENT "\n"

static const char manifest[] = "payload-bytes=5\n";
static struct signature_key key;

static int parse(const char *text)
{
	struct signature s;

	return signature_parse(text, strlen(text), &s);
}

static void test_keys(void)
{
	static const char *const wrong[] = {
		"",
		"\n",
		"untrusted comment: x\n",
		KEY "\n" KEY "\n",
		KEY " ",
		KEY "A",
		/* one byte less; another algorithm; no base64 */
		"RWQrP6eQCtM4xgKdsOhwAqoXgFxxZZMdnl0M7tgW4iBRmx60IE/a2w==",
		"RUQrP6eQCtM4xgKdsOhwAqoXgFxxZZMdnl0M7tgW4iBRmx60IE/a220q",
		"RWQrP6eQCtM4xgKdsOhwAqoXgFxxZZMdnl0M7tgW4iBRmx60IE/a220!",
	};
	static const char *const right[] = { KEY, KEY "\n", "untrusted comment: x\n" KEY "\n",
					     "untrusted comment: x\r\n" KEY "\r\n" };
	char id[SIGNATURE_ID_TEXT_MAX];
	struct signature_key k;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		is_int(signature_key_parse(wrong[i], strlen(wrong[i]), &k), -EINVAL,
		       "no key: case %zu", i);
	for (size_t i = 0; i < ARRAY_SIZE(right); i++)
		is_int(signature_key_parse(right[i], strlen(right[i]), &key), 0, "a key: case %zu",
		       i);
	is_str(signature_id_format(id, key.id), "C638D30A90A73F2B",
	       "its id is as minisign prints it");
}

static void test_texts(void)
{
	static const char *const wrong[] = {
		"",
		"x",
		OF_FILE "\ntrusted comment: " COMMENT "\n" OF_COMMENT "\n",
		UNTRUSTED OF_FILE "\n",
		UNTRUSTED OF_FILE "\ntrusted comment: " COMMENT "\n",
		UNTRUSTED OF_FILE "\ncomment: " COMMENT "\n" OF_COMMENT "\n",
		UNTRUSTED OF_FILE "\ntrusted comment: a\033[2Jb\n" OF_COMMENT "\n",
		UNTRUSTED "RUQr\ntrusted comment: " COMMENT "\n" OF_COMMENT "\n",
		SIGNATURE "x",
		SIGNATURE "\n",
		UNTRUSTED "AA" OF_FILE "\ntrusted comment: x\n" OF_COMMENT "\n",
	};
	char large[2 * SIGNATURE_COMMENT_MAX];
	struct signature s;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		is_int(parse(wrong[i]), -EINVAL, "no signature: case %zu", i);
	is_int(parse(UNTRUSTED OLD "\n"), -ENOTSUP, "signify's has no trusted comment");
	is_int(parse(UNTRUSTED OLD "\ntrusted comment: x\n" OF_COMMENT "\n"), -ENOTSUP,
	       "one that is not prehashed is of another kind");
	snprintf(large, sizeof(large),
		 UNTRUSTED OF_FILE "\ntrusted comment: %0*d\n" OF_COMMENT "\n",
		 SIGNATURE_COMMENT_MAX, 0);
	is_int(parse(large), -EINVAL, "a comment has an end");
	is_int(signature_parse(SIGNATURE, strlen(SIGNATURE) - 1, &s), 0,
	       "the last newline may be missing");
	is_int(parse(SIGNATURE), 0, "this is one");
	is_int(parse(UNTRUSTED OF_FILE
		     "\ntrusted comment: "
		     "timestamp:1764500000\tfile:root.tar.xz.manifest\thashed\n" OF_COMMENT "\n"),
	       0, "and one with the comment that minisign writes by itself");
}

static int check(const char *data, size_t size, const char *text, const struct signature_key *k)
{
	struct signature s;

	if (signature_parse(text, strlen(text), &s) < 0)
		return -EINVAL;
	return signature_check(&s, k, 1, data, size);
}

static void test_signatures(void)
{
	struct signature_key other = key, two[2];
	struct signature s;
	char changed[] = SIGNATURE;
	size_t size = strlen(manifest);

	is_int(check(manifest, size, SIGNATURE, &key), 0, "it is of these bytes");
	is_int(check(manifest, size - 1, SIGNATURE, &key), -EBADMSG, "not of fewer");
	is_int(check("payload-bytes=6\n", size, SIGNATURE, &key), -EBADMSG, "not of others");
	strstr(changed, "room")[0] = 'b';
	is_int(check(manifest, size, changed, &key), -EBADMSG, "nor with another comment");
	other.id[3] ^= 1;
	is_int(check(manifest, size, SIGNATURE, &other), -ENOKEY, "another key is not trusted");
	other = key;
	other.key[5] ^= 1;
	is_int(check(manifest, size, SIGNATURE, &other), -EBADMSG,
	       "one that says it is the same, too");
	two[0] = other;
	two[1] = key;
	(void)signature_parse(SIGNATURE, strlen(SIGNATURE), &s);
	is_int(signature_check(&s, two, 2, manifest, size), 0, "of two with one id, one is enough");
	is_int(signature_check(&s, two, 0, manifest, size), -ENOKEY, "without keys nothing is");
}

static void test_comments(void)
{
	struct signature_about a;

	signature_about_parse(COMMENT, &a);
	is_str(a.name, "room", "a name");
	is_str(a.version, "20261129-1", "a version");
	is_str(a.date, "2026-11-29T21:15:00Z", "a date");
	signature_about_parse("date=2026-11-29 xname=a  name=b version=1 xdate=2027-01-01", &a);
	is_str(a.date, "2026-11-29T00:00:00Z", "a day is its first second");
	is_str(a.name, "b", "a word of another name is none");
	for (const char *const *t = (const char *const[]){ "date=2026-11", "date=2026-11-31",
							   "date=2026-11-29T21:15", "date=today",
							   "date=2026-11-29-1",
							   "date=", "date=2026-11-29T21:15:00ZZ",
							   "xdate=2026-11-29", NULL };
	     *t; t++) {
		signature_about_parse(*t, &a);
		is_str(a.date, "", "%s is no date", *t);
	}
	signature_about_parse("name=a date=2099-01-01 version=1 date=2026-11-29T21:15:00Z name= "
			      "version=2",
			      &a);
	is_str(a.date, "", "of two dates none counts");
	is_str(a.name, "", "nor of two names");
	is_str(a.version, "", "nor of two versions");
	signature_about_parse("date=2026-11-29T21:15:00.000000Z date=2026-11-29", &a);
	is_str(a.date, "", "also when only one would fit");
	signature_about_parse("", &a);
	is_str(a.version, "", "nothing is there");
	for (const char *const *t =
		     (const char *const[]){ "2026", "2026-11", "2026-11-29", "2026-11-29T21",
					    "2026-11-29T21:15", "2026-11-29T21:15:00",
					    "2026-11-29T21:15:00Z", "2024-02-29", "2000-02-29",
					    "2026-12-31", NULL };
	     *t; t++)
		ok(signature_is_date(*t), "%s is a date", *t);
	for (const char *const *t =
		     (const char *const[]){ "", "202", "2026-", "2026-1", "26-11-29",
					    "2026-11-29T21:15:00X", "2026-11-29T21:15:00Zx",
					    "2026-11-29 21:15", "today", "2026-02-29", "2026-02-30",
					    "2100-02-29", "2026-04-31", "2026-11-00", "2026-13-01",
					    NULL };
	     *t; t++)
		ok(!signature_is_date(*t), "%s is none", *t);
}

static int whole(const char *text, const char *not_before, struct fail *f)
{
	const struct signed_text t = { manifest, strlen(manifest), text, strlen(text) };
	struct signature_trust trust = { .keys = { key }, .n = 1 };
	struct signature_about a;

	strcpy(trust.not_before, not_before);
	return signature_check_manifest("m", &t, &trust, &a, f);
}

static void test_dates(void)
{
	struct fail f;

	is_int(whole(SIGNATURE, "", &f), 0, "any date will do");
	is_int(whole(SIGNATURE, "2026-11-29T21:15:00Z", &f), 0, "that date will do");
	is_int(whole(SIGNATURE, "2026-11-29", &f), 0, "that day will do");
	is_int(whole(SIGNATURE, "2026-11-29T21:15:01Z", &f), -EKEYREJECTED,
	       "a later one is too late");
	is_str(f.why,
	       "it was signed on 2026-11-29T21:15:00Z, and nothing before 2026-11-29T21:15:01Z is "
	       "taken",
	       "and says so");
	is_int(whole("x", "", &f), -EKEYREJECTED, "no signature is an error");
	is_str(f.why, "its signature is no signature of minisign's, or not that alone",
	       "and says so");
}

int main(void)
{
	test_keys();
	test_texts();
	test_signatures();
	test_comments();
	test_dates();
	return done_testing();
}
