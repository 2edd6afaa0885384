/*
 * The manifest: what an image says about its payload. key=value text, one pair per line; '#' lines and
 * empty lines mean nothing, unknown keys are for later versions and are skipped. Pure: bytes in, struct
 * out. docs/format.md is the normative description.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/fail.h"

#define MANIFEST_MEMBER "tarboot/manifest" /* its path in the image */
#define MANIFEST_FORMAT 2                  /* that is written; 1 is read, too */
#define MANIFEST_TEXT_MAX (8ULL << 20)     /* bytes of a manifest */
#define MANIFEST_LINE_MAX 1024             /* bytes of a line, its newline included */
#define MANIFEST_KERNELS_MAX 8
#define MANIFEST_PAYLOAD "rootfs.tar.xz" /* the payload of a manifest that names none */

/* Where a payload may be that nothing names, in this order. */
#define MANIFEST_USUAL_PAYLOADS                                  \
	{                                                        \
		MANIFEST_PAYLOAD, "rootfs.tar.zst", "rootfs.tar" \
	}

/* One Block of the payload, in the order of the file. */
struct manifest_block {
	uint64_t offset;         /* of its first byte in the payload */
	uint64_t bytes;          /* in the payload, padding included */
	uint64_t uncompressed;   /* bytes of what it holds */
	uint64_t decoder_memory; /* bytes that decoding it takes: its dictionary, mostly */
	struct digest digest;    /* of its bytes in the payload */
};

/* A number that is not told is 0, a text "". */
struct manifest {
	uint64_t format;
	uint64_t payload_bytes;      /* the compressed archive, all parts */
	uint64_t unpacked_bytes;     /* file data in pages of 4 KiB, as a tmpfs counts it */
	uint64_t unpacked_bytes_16k; /* the same where pages have 16 KiB */
	uint64_t unpacked_bytes_64k; /* and 64 KiB */
	uint64_t inodes;             /* as a tmpfs counts them: every name of a file */
	uint64_t members;
	uint64_t files;       /* regular files, hard links to them not counted */
	uint64_t data_bytes;  /* in them, holes left out */
	uint64_t directories; /* members that are directories */
	uint64_t xattr_bytes; /* kernel memory for extended attributes */
	unsigned n_kernels;
	char kernels[MANIFEST_KERNELS_MAX][64]; /* releases with modules in the root */
	char payload[128];                      /* its path in the image, without "/" before it */
	char init[256];                         /* absolute path in the root */
	char build_id[65];

	bool has_payload_digest, has_outside_digest, has_boot_digest, has_vmlinuz_digest;
	bool has_text_digest;         /* of the text before the line that says it, which is right */
	struct digest payload_digest; /* of all parts of the payload */
	struct digest outside_digest; /* of those of its bytes that belong to no Block, in order */
	struct digest boot_digest;    /* of the boot part without the manifest */
	struct digest vmlinuz_digest; /* of the kernel that goes with the image, beside it */

	struct manifest_block *blocks; /* owned */
	size_t n_blocks;
};

/* Reads size bytes of text (not NUL-terminated). Returns 0; -EINVAL for a line that is not key=value, a
 * number that is none, a value too long, a missing payload-bytes, Blocks that are empty, overlap or are
 * out of order; -EBADMSG for a text that is not what its own digest says; -EPROTO for a format or a kind of
 * digest that is newer than this version; -E2BIG for more than MANIFEST_TEXT_MAX bytes; -ENOMEM. *ret is
 * untouched on failure; otherwise the caller ends with manifest_free. */
int manifest_parse(const char *text, size_t size, struct manifest *ret);

/* The failure for what manifest_parse or reading the text gave. what: the file that it is in. */
int manifest_fail(int error, const char *what, struct fail *f);

/* The path of its payload in the image, without "/" before it. */
const char *manifest_payload(const struct manifest *m);

/* Is it about the payload at that path of the initramfs ("/rootfs.tar.zst")? About another it says nothing. */
bool manifest_is_about(const struct manifest *m, const char *path);

/* Appends a Block. 0 or -ENOMEM. */
int manifest_add_block(struct manifest *m, const struct manifest_block *block);

/* Writes the text, of MANIFEST_FORMAT and with a digest of itself. Returns its length and *ret, NUL-terminated
 * and the caller's; -EINVAL when a text has a newline in it or is too long for a line; -E2BIG when there are
 * more Blocks than MANIFEST_TEXT_MAX bytes can tell; -ENOMEM. */
int manifest_format(const struct manifest *m, char **ret);

/* Bytes that the tree takes in a tmpfs whose pages have so many bytes. Where the manifest does not say
 * it for such pages: at most. */
uint64_t manifest_tree_bytes(const struct manifest *m, uint64_t page);

/* The key of the first number about the tree that a and b disagree about, and both; NULL: there is none. */
const char *manifest_compare_tree(const struct manifest *a, const struct manifest *b,
				  uint64_t *ret_a, uint64_t *ret_b);

/* Frees what it owns and makes it empty. */
void manifest_free(struct manifest *m);
