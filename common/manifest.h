/*
 * /tarboot/manifest: what an image says about its payload. key=value text, one pair per line;
 * '#' lines and empty lines mean nothing, unknown keys are for later versions and are skipped.
 * Pure: bytes in, struct out. docs/format.md is the normative description.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MANIFEST_FORMAT 1
#define MANIFEST_TEXT_MAX 4096 /* bytes of a manifest that tarboot writes */
#define MANIFEST_KERNELS_MAX 8

struct manifest {
	uint64_t payload_bytes;  /* the compressed archive, all parts */
	uint64_t unpacked_bytes; /* file data rounded up to pages, as tmpfs counts it */
	uint64_t inodes;
	uint64_t members;
	unsigned n_kernels;
	char kernels[MANIFEST_KERNELS_MAX][64]; /* releases with modules in the root */
	char init[256];                         /* absolute path in the root; "" = not known */
	char build_id[65];
};

/* Reads size bytes of text (not NUL-terminated). Returns 0; -EINVAL for a line that is not
 * key=value, a number that is none, a value too long or a missing payload-bytes; -EPROTO for a
 * format newer than MANIFEST_FORMAT. *ret is untouched on failure. */
int manifest_parse(const char *text, size_t size, struct manifest *ret);

/* Writes the text to buf, NUL-terminated. Returns its length, or -ENAMETOOLONG when it does not
 * fit or a text has a newline in it. */
int manifest_format(const struct manifest *m, char buf[MANIFEST_TEXT_MAX]);
