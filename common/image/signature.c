/* Four lines of text, two signatures. See signature.h. */
#include "image/signature.h"

#include <ctype.h>
#include <errno.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define HASH_SIZE 64

static const char untrusted[] = "untrusted comment: ";
static const char trusted[] = "trusted comment: ";
static const char prehashed[] = "ED",
		  plain[] = "Ed"; /* algorithms of signatures; keys have the other one */

/* ---- text ---- */

struct line {
	const char *text;
	size_t size;
};

/* The next line, of which \r\n is an end as well. False: there is none. */
static bool take_line(const char **at, const char *end, struct line *ret)
{
	const char *newline;

	if (*at == end)
		return false;
	newline = memchr(*at, '\n', (size_t)(end - *at));
	*ret = (struct line){ *at, (size_t)((newline ? newline : end) - *at) };
	*at = newline ? newline + 1 : end;
	if (ret->size > 0 && ret->text[ret->size - 1] == '\r')
		ret->size--;
	return true;
}

/* False: the line does not begin so. Leaves what is behind. */
static bool take_prefix(struct line *l, const char *prefix)
{
	size_t size = strlen(prefix);

	if (l->size < size || memcmp(l->text, prefix, size) != 0)
		return false;
	l->text += size;
	l->size -= size;
	return true;
}

/* All of the line must be so many bytes in base64. */
static bool decode(const struct line *l, uint8_t *ret, size_t size)
{
	size_t n;

	return sodium_base642bin(ret, size, l->text, l->size, NULL, &n, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       n == size;
}

int signature_key_parse(const char *text, size_t size, struct signature_key *ret)
{
	uint8_t bytes[2 + sizeof(ret->id) + sizeof(ret->key)];
	const char *at = text, *end = text + size;
	struct line line, behind;
	bool is_there;

	is_there = size <= SIGNATURE_TEXT_MAX && take_line(&at, end, &line);
	if (is_there && take_prefix(&line, untrusted))
		is_there = take_line(&at, end, &line);
	if (!is_there || take_line(&at, end, &behind) || !decode(&line, bytes, sizeof(bytes)) ||
	    memcmp(bytes, plain, 2) != 0)
		return -EINVAL;
	memcpy(ret->id, bytes + 2, sizeof(ret->id));
	memcpy(ret->key, bytes + 2 + sizeof(ret->id), sizeof(ret->key));
	return 0;
}

/* No control characters, which a terminal would obey; but minisign's own comments have tabs. */
static bool copy_comment(const struct line *l, char ret[SIGNATURE_COMMENT_MAX])
{
	if (l->size >= SIGNATURE_COMMENT_MAX)
		return false;
	for (size_t i = 0; i < l->size; i++)
		if (((unsigned char)l->text[i] < ' ' && l->text[i] != '\t') || l->text[i] == 0x7f)
			return false;
	memcpy(ret, l->text, l->size);
	ret[l->size] = '\0';
	return true;
}

int signature_parse(const char *text, size_t size, struct signature *ret)
{
	uint8_t bytes[2 + sizeof(ret->id) + sizeof(ret->of_file)];
	const char *at = text, *end = text + size;
	struct line line, global, behind;
	struct signature s;

	if (size > SIGNATURE_TEXT_MAX || !take_line(&at, end, &line) ||
	    !take_prefix(&line, untrusted) || !take_line(&at, end, &line) ||
	    !decode(&line, bytes, sizeof(bytes)))
		return -EINVAL;
	if (memcmp(bytes, prehashed, 2) != 0)
		return memcmp(bytes, plain, 2) == 0 ? -ENOTSUP : -EINVAL;
	if (!take_line(&at, end, &line) || !take_prefix(&line, trusted) ||
	    !copy_comment(&line, s.comment) || !take_line(&at, end, &global) ||
	    !decode(&global, s.of_comment, sizeof(s.of_comment)) || take_line(&at, end, &behind))
		return -EINVAL;
	memcpy(s.id, bytes + 2, sizeof(s.id));
	memcpy(s.of_file, bytes + 2 + sizeof(s.id), sizeof(s.of_file));
	*ret = s;
	return 0;
}

/* ---- signatures ---- */

static bool is_signed(const uint8_t of[64], const void *data, size_t size,
		      const struct signature_key *key)
{
	return crypto_sign_ed25519_verify_detached(of, data, size, key->key) == 0;
}

static bool is_right(const struct signature *s, const uint8_t hash[HASH_SIZE],
		     const struct signature_key *key)
{
	uint8_t with_comment[sizeof(s->of_file) + SIGNATURE_COMMENT_MAX];
	size_t size = strlen(s->comment);

	memcpy(with_comment, s->of_file, sizeof(s->of_file));
	memcpy(with_comment + sizeof(s->of_file), s->comment, size);
	return is_signed(s->of_file, hash, HASH_SIZE, key) &&
	       is_signed(s->of_comment, with_comment, sizeof(s->of_file) + size, key);
}

int signature_check(const struct signature *s, const struct signature_key *keys, size_t n_keys,
		    const void *data, size_t size)
{
	uint8_t hash[HASH_SIZE];
	int r = -ENOKEY;

	(void)crypto_generichash_blake2b(hash, sizeof(hash), data, size, NULL, 0);
	for (size_t i = 0; i < n_keys; i++) {
		if (memcmp(keys[i].id, s->id, sizeof(s->id)) != 0)
			continue;
		if (is_right(s, hash, &keys[i]))
			return 0;
		r = -EBADMSG;
	}
	return r;
}

const char *signature_id_format(char buf[SIGNATURE_ID_TEXT_MAX],
				const uint8_t id[SIGNATURE_ID_SIZE])
{
	for (size_t i = 0; i < SIGNATURE_ID_SIZE; i++)
		sprintf(buf + 2 * i, "%02X", id[SIGNATURE_ID_SIZE - 1 - i]);
	return buf;
}

/* ---- what the comment tells ---- */

static int number_of(const char digits[2])
{
	return 10 * (digits[0] - '0') + digits[1] - '0';
}

/* Of a date that has digits where they belong, and a month that there is. */
static bool has_day(const char *text)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int century = number_of(text), year = number_of(text + 2), month = number_of(text + 5),
	    day = number_of(text + 8);
	bool is_leap = (year ? year : century) % 4 == 0;

	return day >= 1 && day <= days[month - 1] && (month != 2 || day < 29 || is_leap);
}

bool signature_is_date(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	static const struct {
		size_t at;
		char least[3], most[3];
	} parts[] = {
		{ 5, "01", "12" }, { 11, "00", "23" }, { 14, "00", "59" }, { 17, "00", "60" }
	};
	size_t size = strlen(text);

	if (size < 4 || size >= sizeof(form) ||
	    (size < sizeof(form) - 1 && isdigit((unsigned char)form[size])))
		return false;
	for (size_t i = 0; i < size; i++)
		if (form[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && parts[i].at < size; i++)
		if (memcmp(text + parts[i].at, parts[i].least, 2) < 0 ||
		    memcmp(text + parts[i].at, parts[i].most, 2) > 0)
			return false;
	return (isdigit((unsigned char)text[size - 1]) || text[size - 1] == 'Z') &&
	       (size < sizeof("2026-11-29") - 1 || has_day(text));
}

/* A value that does not fit is none, and so is one of two: the one that was meant cannot be told from one that came with a value
 * from elsewhere. */
static void take_value(const char *value, size_t size, bool *is_there, char *ret, size_t room)
{
	*ret = '\0';
	if (!*is_there && size < room) {
		memcpy(ret, value, size);
		ret[size] = '\0';
	}
	*is_there = true;
}

/* A day counts as its first second; of other dates only whole ones do. */
static void complete_date(char date[SIGNATURE_DATE_MAX])
{
	static const char first_second[] = "T00:00:00Z";

	if (strlen(date) == strlen("2026-11-29"))
		strcat(date, first_second);
	if (!signature_is_date(date) || strlen(date) != SIGNATURE_DATE_MAX - 1)
		*date = '\0';
}

void signature_about_parse(const char *comment, struct signature_about *ret)
{
	bool has_name = false, has_version = false, has_date = false;

	*ret = (struct signature_about){ 0 };
	for (const char *at = comment; *at; at += *at != '\0') {
		size_t size = strcspn(at, " \t");

		if (strncmp(at, "name=", 5) == 0)
			take_value(at + 5, size - 5, &has_name, ret->name, sizeof(ret->name));
		else if (strncmp(at, "version=", 8) == 0)
			take_value(at + 8, size - 8, &has_version, ret->version,
				   sizeof(ret->version));
		else if (strncmp(at, "date=", 5) == 0)
			take_value(at + 5, size - 5, &has_date, ret->date, sizeof(ret->date));
		at += size;
	}
	complete_date(ret->date);
}

/* ---- a manifest ---- */

static int fail_foreign(const char *what, const struct signature *s,
			const struct signature_trust *trust, struct fail *f)
{
	char id[SIGNATURE_ID_TEXT_MAX], trusted_id[SIGNATURE_ID_TEXT_MAX] = "none", more[40] = "";

	if (trust->n > 0)
		signature_id_format(trusted_id, trust->keys[0].id);
	if (trust->n > 1)
		snprintf(more, sizeof(more), " or another %zu", trust->n - 1);
	return fail_set(f, EKEYREJECTED, what,
			"Sign it with a key that is trusted, or trust this key's .pub (--trust of "
			"`tarboot pack`, `verify` and `unpack`).",
			"it is signed with key %s, which is not trusted: it must be key %s%s",
			signature_id_format(id, s->id), trusted_id, more);
}

static int fail_signature(int error, const char *what, const struct signature *s, struct fail *f)
{
	char id[SIGNATURE_ID_TEXT_MAX];

	switch (error) {
	case -EINVAL:
		return fail_set(f, EKEYREJECTED, what, SIGNATURE_TODO,
				"its signature is no signature of minisign's, or not that alone");
	case -ENOTSUP:
		return fail_set(f, EKEYREJECTED, what,
				"Sign it with minisign 0.8 or later, which hashes it first (-H).",
				"its signature is of a kind that has no trusted comment, or is not "
				"prehashed");
	default:
		return fail_set(f, EKEYREJECTED, what, SIGNATURE_TODO,
				"its signature, with key %s, is not of this manifest: one of them "
				"was changed",
				signature_id_format(id, s->id));
	}
}

static int check_date(const char *what, const struct signature_about *about, const char *not_before,
		      struct fail *f)
{
	if (!*not_before || strncmp(about->date, not_before, strlen(not_before)) >= 0)
		return 0;
	if (!*about->date)
		return fail_set(f, EKEYREJECTED, what,
				"Publish it again with `tarboot netboot --stream --sign KEYFILE`, "
				"or sign it by " SIGNATURE_BY_HAND ", with today's date.",
				"it does not say when it was signed, and nothing before %s is "
				"taken",
				not_before);
	return fail_set(f, EKEYREJECTED, what, SIGNATURE_TODO,
			"it was signed on %s, and nothing before %s is taken", about->date,
			not_before);
}

int signature_check_manifest(const char *what, const struct signed_text *t,
			     const struct signature_trust *trust, struct signature_about *ret,
			     struct fail *f)
{
	struct signature s = { 0 };
	int r = signature_parse(t->signature, t->signature_size, &s);

	if (r == 0)
		r = signature_check(&s, trust->keys, trust->n, t->text, t->size);
	if (r == -ENOKEY)
		return fail_foreign(what, &s, trust, f);
	if (r < 0)
		return fail_signature(r, what, &s, f);
	signature_about_parse(s.comment, ret);
	memcpy(ret->key, s.id, sizeof(ret->key));
	return check_date(what, ret, trust->not_before, f);
}

int signature_fail_missing(struct fail *f, const char *path)
{
	return fail_set(f, EKEYREJECTED, path,
			"Load the payload's manifest and its signature as initrds, too, or the "
			"image that the boot part was packed with.",
			"it is not in the initramfs, and the boot part takes no payload but its "
			"own without a signed manifest");
}
