/*
 * What the kernel command line says to a machine that fetches its root: where it is, and what iPXE knows of the network.
 */
#pragma once

#include "site/site_version.h"

/* Writes the URL of its root on a server, of whose http/ base is the URL. */
void site_stream_print_url(FILE *out, const char *base, const char *name,
			   const struct site_version *v);

/* The words for a version of an image, with ${...} that iPXE replaces, and a space behind. "" if it is not fetched.
 * -EINVAL, -E2BIG: a URL, or the whole kernel command line, is not possible. *ret is the caller's. */
int site_stream_words(const struct site *s, const char *name, const struct site_version *v,
		      char **ret, struct fail *f);

/* Checks that site_stream_words() would succeed; the same errors. */
int site_stream_check(const struct site *s, const char *name, const struct site_version *v,
		      struct fail *f);
