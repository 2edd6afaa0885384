/*
 * An image read back: its members, manifest and payload. A bare payload counts as an image without
 * boot part, and a unified kernel image as the image in it, so that every subcommand that reads takes all of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "image/manifest.h"
#include "codec/codec.h"
#include "codec/payload.h"
#include "image/uki.h"

/* What to do about a manifest that has no digests, or lists no Blocks. */
#define IMAGE_TODO_MANIFEST "Give that of an image that this version of tarboot packed."

struct image_member {
	char *name; /* owned; without leading "/" or "./" */
	uint32_t mode;
	uint64_t head;         /* where its header starts in the image */
	uint64_t offset, size; /* of its data in the image */
	size_t archive;        /* that it is in */
};

/* One of the cpio archives that follow each other. */
struct image_archive {
	uint64_t start; /* in the image */
	uint64_t end;   /* behind the header of its trailer, without padding to 512 bytes */
};

struct image {
	const char *path;
	uint64_t start; /* where it begins in its file, in a unified kernel image; else 0 */
	uint64_t size;
	struct uki *uki;              /* that it is in, owned; NULL = in none */
	struct image_member *members; /* owned */
	size_t n_members;
	struct image_archive *archives; /* owned */
	size_t n_archives;
	bool has_manifest;
	bool arrives;      /* its payload is fetched: the manifest says where its Blocks are */
	bool is_boot_part; /* there is no payload in it: the machine that boots it fetches that */
	bool is_layers;    /* nor anything else of an image but layers: a further initrd */
	struct manifest manifest; /* owned */
	char *manifest_text;      /* owned; as it stands in the image, NULL without a manifest */
	struct payload payload;
	struct payload file; /* itself, where neither payload nor uki has a descriptor of it */
};

/* path "-": standard input, which is read to its end first when it is a pipe. */
int image_open(const char *path, struct image *ret, struct fail *f);
void image_close(struct image *image);

/* Like image_open(), but also accepts an image that has only the boot part, or only layers. */
int image_open_any(const char *path, struct image *ret, struct fail *f);

/* Like image_open(), but looks at the members only: the payload may be missing, and its bytes are not read. */
int image_open_members(const char *path, struct image *ret, struct fail *f);

/* A unified kernel image, and nothing else. */
int image_open_uki(const char *path, struct image *ret, struct fail *f);

/* Like image_open() for an open file. Closes fd, also on failure. path: for messages; it must live as long. */
int image_open_fd(int fd, const char *path, struct image *ret, struct fail *f);

/* Is its payload in it? -ENOENT: it is fetched by the machine that boots it, or there are only layers. */
int image_need_root(const struct image *image, struct fail *f);

/* The same as a question, of one that is fetched, too. */
static inline bool image_has_root(const struct image *image)
{
	return !image->is_boot_part && !image->is_layers;
}

/* Reads its manifest from a file, from where that stands; name: for messages. */
int image_take_manifest(struct image *image, int fd, const char *name, struct fail *f);

/* For a bare payload: reads the manifest at that path. path NULL: that beside it, PAYLOAD.manifest, if there is one.
 * -EINVAL: it has one in it; -EBADMSG: it is for another payload. */
int image_find_manifest(struct image *image, const char *path, struct fail *f);

/* The Blocks of its payload. Refuses a bare payload that is an image which was compressed as a whole. *ret is the caller's. */
int image_read_blocks(const struct image *image, struct block_list *ret, struct fail *f);

/* The member of that name, without "/" before it; NULL: there is none. Of several the last one, which the kernel, too, leaves there
 * when it has unpacked all archives. */
const struct image_member *image_find_member(const struct image *image, const char *name);

/* The name of a member below tarboot/layers, if init would try to read it as a layer, valid or not. NULL: it lies elsewhere, or it is the
 * manifest or signature of one. */
const char *image_layer_name(const struct image_member *m);

/* Has it one? */
bool image_has_layers(const struct image *image);

/* Has its boot part what fetches a root over HTTP? */
bool image_can_fetch(const struct image *image);

/* Has its boot part the kernel module of that name? */
bool image_has_module(const struct image *image, const char *name);

/* Reads exactly size bytes at offset of the image. 0, -ENODATA or -errno. */
int image_read(const struct image *image, uint64_t offset, void *buf, size_t size);

/* The descriptor of its file, which stays the image's. */
int image_descriptor(const struct image *image);

/* Is it a bare payload with a manifest beside it that calls it a layer? */
bool image_is_layer(const struct image *image);

/* The ELF machine that its /init is for; 0 = there is none. */
uint16_t image_machine(const struct image *image);

/* The modules.dep of the kernel modules in the boot part; "" when there is none. *ret is the caller's. */
int image_read_module_index(const struct image *image, char **ret, struct fail *f);
