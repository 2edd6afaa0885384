/* Microsoft's Authenticode: SHA-256 over the file without its checksum and the signature and its entry. */
#include "image/uki_sign.h"

#include <errno.h>
#include <sodium/crypto_hash_sha256.h>
#include <stdio.h>
#include <string.h>

#include "base/read_all.h"
#include "base/read_range.h"
#include "base/tool.h"

#define PACKAGE "Debian: sbsigntool"
#define SIGNATURE_MAX (1 << 20)
#define DIGEST crypto_hash_sha256_BYTES

static const char todo_key[] =
	"Give a private key and the certificate of that key, both in PEM: docs/security.md says "
	"how to make them.";

int uki_sign(const struct out *from, const char *key, const char *cert, const char *name,
	     struct out *to, struct fail *f)
{
	char in[TOOL_PATH_MAX], out[TOOL_PATH_MAX];
	const char *const argv[] = { "sbsign",
				     "--key",
				     key,
				     "--cert",
				     cert,
				     "--output",
				     tool_path_of(to->fd, out),
				     tool_path_of(from->fd, in),
				     NULL };
	const int keep[] = { from->fd, to->fd, -1 };
	const struct tool tool = { argv, keep, PACKAGE, "Signing Unsigned original image",
				   "The disk may be full: for a moment this takes twice the size "
				   "of the unified kernel image." };
	_cleanup_free_ char *said = NULL;

	return tool_run(&tool, name, todo_key, &said, f);
}

int uki_check_is_cert(const char *path, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(path, &text, &size);

	if (r < 0)
		return fail_set(f, -r, path, todo_key, "cannot read this certificate: %s",
				strerror(-r));
	if (memmem(text, size, "-----BEGIN CERTIFICATE-----", 27))
		return 0;
	return fail_set(f, EINVAL, path,
			"Give the certificate in PEM: of one in DER `openssl x509 -inform DER "
			"-in CERT -out NEW.pem` makes it.",
			"it is no certificate in PEM");
}

int uki_check_cert(const struct uki *uki, const char *path, const char *cert, struct fail *f)
{
	char in[TOOL_PATH_MAX];
	const char *const argv[] = { "sbverify", "--cert", cert, tool_path_of(uki->fd, in), NULL };
	const int keep[] = { uki->fd, -1 };
	const struct tool tool = { .argv = argv, .keep = keep, .package = PACKAGE };
	_cleanup_free_ char *said = NULL;

	if (uki_check_is_cert(cert, f) < 0)
		return -f->error;
	return tool_run(&tool, path,
			"Do not boot it, unless it was signed with another key that you trust.",
			&said, f);
}

/* ---- what it is of ---- */

static int take_hash(void *state, const void *data, size_t size)
{
	(void)crypto_hash_sha256_update(state, data, size);
	return 0;
}

static int digest_of_file(const struct uki *uki, uint8_t ret[DIGEST])
{
	uint64_t sum = pe_sum_offset(&uki->pe), entry = pe_signature_entry(&uki->pe);
	crypto_hash_sha256_state state;
	int r;

	(void)crypto_hash_sha256_init(&state);
	r = read_range(uki->fd, 0, sum, take_hash, &state);
	if (r == 0)
		r = read_range(uki->fd, sum + 4, entry, take_hash, &state);
	if (r == 0)
		r = read_range(uki->fd, entry + 8, uki->pe.signature, take_hash, &state);
	(void)crypto_hash_sha256_final(&state, ret);
	return r;
}

/* Bytes between sections would not be in the digest as others compute it. */
static bool has_gaps(const struct pe *pe)
{
	uint64_t sum = pe->headers_size;

	for (unsigned i = 0; i < pe->n_sections; i++)
		sum += pe->sections[i].file_size;
	return sum != pe_sections_end(pe);
}

/* Is an octet string with this digest in the signature, which is DER? -EBADMSG: it is not one signature. */
static int find_digest(const struct uki *uki, const uint8_t digest[DIGEST], bool *ret)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size = uki->pe.signature_size;
	uint8_t want[2 + DIGEST] = { 0x04, DIGEST };
	ssize_t n;

	if (size > SIGNATURE_MAX)
		return -E2BIG;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	n = pread(uki->fd, data, size, (off_t)uki->pe.signature);
	if (n != (ssize_t)size)
		return n < 0 ? -errno : -ENODATA;
	if (!pe_is_one_signature(data, size))
		return -EBADMSG;
	memcpy(want + 2, digest, DIGEST);
	*ret = memmem(data, size, want, sizeof(want));
	return 0;
}

int uki_check_signature(const struct uki *uki, const char *path, struct fail *f)
{
	uint64_t end = (uint64_t)uki->pe.signature + uki->pe.signature_size;
	uint8_t digest[DIGEST];
	bool found = false;
	int r;

	if (has_gaps(&uki->pe) || end != uki->size)
		return fail_set(f, EBADMSG, path, UKI_TODO_COPY,
				"it has bytes that its signature is not of, between its sections "
				"or at its end");
	r = digest_of_file(uki, digest);
	if (r == 0)
		r = find_digest(uki, digest, &found);
	if (r == -EBADMSG)
		return fail_set(f, EBADMSG, path, UKI_TODO_COPY,
				"its signature is damaged, or other bytes follow it");
	if (r < 0)
		return fail_errno(f, r, path, "cannot read its signature");
	return found ? 0
		     : fail_set(f, EBADMSG, path, UKI_TODO_COPY,
				"its signature is of other bytes: it was damaged or changed after "
				"it was signed");
}
