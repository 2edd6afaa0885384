/*
 * Signatures of manifests, as minisign(1) makes them: Ed25519 over the BLAKE2b-512 of a file ("prehashed"), and over that signature
 * with a trusted comment behind. Pure; Ed25519 is libsodium's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define SIGNATURE_SUFFIX ".minisig"       /* behind the name of what is signed */
#define SIGNATURE_KEYS_DIR "tarboot/keys" /* in the boot part: whose signatures count */
#define SIGNATURE_KEY_SUFFIX ".pub"
#define SIGNATURE_KEYS_MAX 16
#define SIGNATURE_TODO "Publish it again with `tarboot netboot --stream --sign KEYFILE`."
#define SIGNATURE_BY_HAND                                                   \
	"`minisign -S -H -s KEYFILE -t 'tarboot name=NAME version=VERSION " \
	"date=YYYY-MM-DDThh:mm:ssZ' -m MANIFEST`"
#define SIGNATURE_LEAST_FILE \
	"tarboot/manifest-min"     /* in the boot part: the oldest date that counts */
#define SIGNATURE_TEXT_MAX 4096    /* bytes of a signature, or of a key */
#define SIGNATURE_COMMENT_MAX 1024 /* with its NUL */
#define SIGNATURE_ID_SIZE 8
#define SIGNATURE_ID_TEXT_MAX (2 * SIGNATURE_ID_SIZE + 1)
#define SIGNATURE_DATE_MAX sizeof("2026-11-29T21:15:00Z")

struct signature_key {
	uint8_t id[SIGNATURE_ID_SIZE]; /* by which a signature names it */
	uint8_t key[32];
};

struct signature {
	uint8_t id[SIGNATURE_ID_SIZE]; /* of the key */
	uint8_t of_file[64], of_comment[64];
	char comment[SIGNATURE_COMMENT_MAX]; /* the trusted one */
};

/* Whose signatures count. */
struct signature_trust {
	struct signature_key keys[SIGNATURE_KEYS_MAX];
	size_t n;
	/* what was signed before that does not count; "" = any date */
	char not_before[SIGNATURE_DATE_MAX];
};

/* A file and its signature, as they were read. */
struct signed_text {
	const char *text;
	size_t size;
	const char *signature;
	size_t signature_size;
};

/* What the comment of a manifest tells; "" = it does not. And whose signature it is. */
struct signature_about {
	char name[64], version[64], date[SIGNATURE_DATE_MAX];
	uint8_t key[SIGNATURE_ID_SIZE];
};

/* What the program that checks a signature in PID 1's stead tells on its standard output: tarboot/signature WHAT NOT-BEFORE DIRECTORY KEY...,
 * with the manifest on its standard input and the signature on SIGNATURE_FD. DIRECTORY: its root from then on. */
#define SIGNATURE_FD 3
struct signature_verdict {
	struct signature_about about;
	struct fail fail; /* error = 0: it is signed */
};

/* Reads a public key: a comment and a line, or the line alone. 0 or -EINVAL. */
int signature_key_parse(const char *text, size_t size, struct signature_key *ret);

/* Reads a signature, with nothing behind it. 0; -EINVAL; -ENOTSUP for one that is not prehashed, or signify's, which has no
 * trusted comment. */
int signature_parse(const char *text, size_t size, struct signature *ret);

/* Did one of these keys sign these bytes and the comment? 0, -ENOKEY: none of them has its id; -EBADMSG: no. */
int signature_check(const struct signature *s, const struct signature_key *keys, size_t n_keys,
		    const void *data, size_t size);

/* All of that, for a manifest: is there a right signature, and is it of that date at least? what: what is signed, for messages.
 * *ret has what the comment tells. 0, or -EKEYREJECTED with *f set. */
int signature_check_manifest(const char *what, const struct signed_text *t,
			     const struct signature_trust *trust, struct signature_about *ret,
			     struct fail *f);

/* There is no manifest, or signature, of that path beside a payload in an initramfs whose boot part has keys. -EKEYREJECTED. */
int signature_fail_missing(struct fail *f, const char *path);

/* Is it a date and time as the comment has them, or the beginning of one that ends behind a year, a month, a day …? */
bool signature_is_date(const char *text);

/* name=, version=, date= of a trusted comment, with blanks between. What is no date, or stands twice, does not count. *ret has a date
 * with its time: of a day the first second. */
void signature_about_parse(const char *comment, struct signature_about *ret);

/* As minisign prints it, with zeros before it. */
const char *signature_id_format(char buf[SIGNATURE_ID_TEXT_MAX],
				const uint8_t id[SIGNATURE_ID_SIZE]);
