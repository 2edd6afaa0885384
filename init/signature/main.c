/*
 * Is a manifest signed? A program of its own, so that what a stranger sent as a signature is not parsed in PID 1: it has no rights and
 * sees no file but those that it was given. Only images that have keys carry it. What it is asked and what it tells is in
 * image/signature.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/read_all.h"
#include "image/signature.h"

#define EXIT_USAGE 2

struct asked {
	const char *what, *not_before;
	struct text {
		char *text;
		size_t size;
	} manifest, signature, keys[SIGNATURE_KEYS_MAX];
	int n_keys;
};

static int fail_read(int error, const char *what, struct fail *f)
{
	return fail_errno(f, error, what, "cannot read it");
}

/* All that is given, before it gives up the right to. */
static int read_asked(struct asked *a, char **keys, struct fail *f)
{
	int r = read_all(STDIN_FILENO, &a->manifest.text, &a->manifest.size);

	if (r == 0)
		r = read_all(SIGNATURE_FD, &a->signature.text, &a->signature.size);
	if (r < 0)
		return fail_read(r, a->what, f);
	for (int i = 0; r == 0 && i < a->n_keys; i++) {
		r = read_file(keys[i], &a->keys[i].text, &a->keys[i].size);
		if (r < 0)
			fail_read(r, keys[i], f);
	}
	return r;
}

static int parse_keys(const struct asked *a, char **names, struct signature_trust *ret,
		      struct fail *f)
{
	*ret = (struct signature_trust){ .n = (size_t)a->n_keys };
	strcpy(ret->not_before, a->not_before);
	for (int i = 0; i < a->n_keys; i++)
		if (signature_key_parse(a->keys[i].text, a->keys[i].size, &ret->keys[i]) < 0)
			return fail_set(f, EINVAL, names[i], "Pack the boot part again.",
					"it is no public key of minisign's");
	return 0;
}

static int check(const struct asked *a, char **names, struct signature_verdict *ret)
{
	const struct signed_text t = { a->manifest.text, a->manifest.size, a->signature.text,
				       a->signature.size };
	struct signature_trust trust;
	int r = parse_keys(a, names, &trust, &ret->fail);

	if (r < 0)
		return r;
	return signature_check_manifest(a->what, &t, &trust, &ret->about, &ret->fail);
}

int main(int argc, char **argv)
{
	struct asked a = { .n_keys = argc - 4 };
	struct signature_verdict verdict = { 0 };
	const char *step;
	int r;

	if (a.n_keys < 1 || a.n_keys > SIGNATURE_KEYS_MAX ||
	    strlen(argv[2]) >= SIGNATURE_DATE_MAX) {
		fprintf(stderr, "signature: usage: signature WHAT NOT-BEFORE DIRECTORY KEY...\n");
		return EXIT_USAGE;
	}
	a.what = argv[1];
	a.not_before = argv[2];
	r = read_asked(&a, argv + 4, &verdict.fail);
	step = r == 0 ? confine(argv[3], SIGNATURE_FD) : NULL;
	if (step)
		r = fail_errno(&verdict.fail, errno, "the check of the signature", step);
	if (r == 0)
		r = check(&a, argv + 4, &verdict);
	if (write(STDOUT_FILENO, &verdict, sizeof(verdict)) != (ssize_t)sizeof(verdict))
		return EXIT_FAILURE;
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
