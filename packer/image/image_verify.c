/* The boot part has one digest; headers, which it has no digest for elsewhere, are written anew and compared. */
#include "image/image_verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/read_range.h"
#include "codec/codec.h"
#include "tar/cpio.h"
#include "image/payload_digests.h"

#define HEAD_MAX 512 /* bytes of a header with the longest name of a payload */

const char *image_verify_lacks(const struct image *image)
{
	if (!image->has_manifest)
		return "there is no manifest";
	return image->manifest.format < 2 ? "its manifest is of format 1, which has none" : NULL;
}

/* ---- headers and padding ---- */

static int fail_head(const struct image *image, const char *name, uint64_t at, struct fail *f)
{
	return fail_set(
		f, EBADMSG, image->path, PAYLOAD_TODO_COPY,
		"the header of /%s, or the padding of its name or data, is damaged (byte %llu)",
		name, (unsigned long long)at);
}

/* Does the member at head look as tarboot writes one of these? */
static int check_head(const struct image *image, const char *name, const struct cpio_header *h,
		      uint64_t head, struct fail *f)
{
	size_t size = cpio_head_size(strlen(name)), padding = cpio_padding(h->size);
	char is[HEAD_MAX], want[HEAD_MAX], zeros[4] = { 0 }, behind[4];

	if (size > HEAD_MAX)
		return 0;
	cpio_header_write(h, name, want);
	if (image_read(image, head, is, size) < 0 || memcmp(is, want, size) != 0)
		return fail_head(image, name, head, f);
	if (image_read(image, head + size + h->size, behind, padding) < 0 ||
	    memcmp(behind, zeros, padding) != 0)
		return fail_head(image, name, head + size + h->size, f);
	return 0;
}

static int check_file_head(const struct image *image, const struct image_member *m, uint32_t ino,
			   struct fail *f)
{
	const struct cpio_header h = {
		.ino = ino, .mode = S_IFREG | 0644, .nlink = 1, .size = (uint32_t)m->size
	};

	return check_head(image, m->name, &h, m->head, f);
}

static int check_trailer(const struct image *image, const struct image_archive *a, uint32_t ino,
			 struct fail *f)
{
	const struct cpio_header h = { .ino = ino, .nlink = 1 };

	return check_head(image, CPIO_TRAILER, &h, a->end - cpio_head_size(strlen(CPIO_TRAILER)),
			  f);
}

/* A member's place in its archive, from 1. */
static uint32_t number_in_archive(const struct image *image, const struct image_member *m)
{
	uint32_t n = 1;

	for (; m > image->members && m[-1].archive == m->archive; m--)
		n++;
	return n;
}

/* The archive with the payload: its parts and its trailer, all of which have the inode number 1. */
static int check_payload_heads(const struct image *image, const struct image_member *payload,
			       struct fail *f)
{
	const struct image_member *m = payload, *end = image->members + image->n_members;
	int r = 0;

	for (; r == 0 && m < end && m->archive == payload->archive; m++)
		r = check_file_head(image, m, 1, f);
	return r == 0 ? check_trailer(image, &image->archives[payload->archive], 1, f) : r;
}

/* Does any member of an archive have a header that tarboot does not write? What only the member knows, its mode,
 * size and device, is taken as it is. */
static int check_heads(const struct image *image, size_t archive, struct fail *f)
{
	const struct image_member *m = image->members, *end = m + image->n_members;
	char head[CPIO_HEADER_SIZE];
	struct cpio_header h;
	int r = 0;

	for (; r == 0 && m < end; m++) {
		if (m->archive != archive || image_read(image, m->head, head, sizeof(head)) < 0 ||
		    cpio_header_parse(head, &h) < 0)
			continue;
		h = (struct cpio_header){ .ino = number_in_archive(image, m),
					  .mode = h.mode,
					  .nlink = S_ISDIR(h.mode) ? 2 : 1,
					  .size = h.size,
					  .rdev_major = h.rdev_major,
					  .rdev_minor = h.rdev_minor };
		r = check_head(image, m->name, &h, m->head, f);
	}
	return r;
}

/* ---- the boot part ---- */

static int add_bytes(const struct image *image, uint64_t from, uint64_t to, struct digest_state *s)
{
	return digest_add_range(s, image_descriptor(image), image->start + from, image->start + to);
}

/* Its archive but for the manifest's member. */
static int check_boot_digest(const struct image *image, const struct image_member *manifest,
			     struct fail *f)
{
	const struct image_archive *a = &image->archives[manifest->archive];
	uint64_t behind = manifest->offset + manifest->size;
	struct digest_state s;
	struct digest is;
	int r;

	if (!image->manifest.has_boot_digest)
		return fail_set(f, EBADMSG, image->path, PAYLOAD_TODO_COPY,
				"its manifest has no boot-digest");
	digest_begin(&s);
	r = add_bytes(image, a->start, manifest->head, &s);
	if (r == 0)
		r = add_bytes(image, behind + cpio_padding(behind), a->end, &s);
	if (r < 0)
		return fail_errno(f, r, image->path, "cannot read it");
	is = digest_end(&s);
	if (digest_is_same(&is, &image->manifest.boot_digest))
		return 0;
	r = check_heads(image, manifest->archive, f);
	return r < 0 ? r
		     : fail_set(f, EBADMSG, image->path, PAYLOAD_TODO_COPY,
				"the boot part (bytes %llu to %llu) is damaged: /init or another "
				"file of it is "
				"not what boot-digest in the manifest says",
				(unsigned long long)a->start, (unsigned long long)a->end);
}

bool image_verify_has_boot_part(const struct image *image)
{
	const struct image_member *manifest = image_find_member(image, MANIFEST_MEMBER);
	const struct image_member *m = image->members + image->n_members;

	while (manifest && m-- > image->members) /* an archive behind it may have an init, too */
		if (m->archive == manifest->archive && strcmp(m->name, "init") == 0)
			return true;
	return false;
}

int image_verify_has_init(const struct image *image, struct fail *f)
{
	struct block_list blocks;
	int r;

	if (image->n_members == 0) {
		r = image_read_blocks(image, &blocks, f);
		if (r < 0)
			return r;
		block_list_free(&blocks);
		return fail_set(f, ENOEXEC, image->path,
				"Pack it first: `tarboot pack ROOT -o IMAGE`.",
				"it is the archive of a root, not an image: it has no /init that "
				"the kernel could start");
	}
	return image_find_member(image, "init")
		       ? 0
		       : fail_set(f, ENOEXEC, image->path,
				  "Give an image that `tarboot pack` wrote.",
				  "it cannot boot: there is no /init in it");
}

static int check_boot_part(const struct image *image, struct fail *f)
{
	const struct image_member *m = image_find_member(image, MANIFEST_MEMBER);
	int r = check_file_head(image, m, number_in_archive(image, m), f);

	return r == 0 && image_verify_has_boot_part(image) ? check_boot_digest(image, m, f) : r;
}

/* ---- the whole ---- */

static const struct image_member *find_payload(const struct image *image)
{
	const char *name = manifest_payload(&image->manifest);
	const struct image_member *m = image_find_member(image, name);
	char numbered[sizeof(image->manifest.payload) + 8];

	snprintf(numbered, sizeof(numbered), "%s.000", name);
	return m ? m : image_find_member(image, numbered);
}

static int check_payload(const struct image *image, struct fail *f)
{
	struct block_list blocks = { 0 };
	struct manifest is = { 0 };
	int r = block_list_read(&image->payload, &blocks, f);

	if (r == 0)
		r = payload_digests_read(&image->payload, &blocks, &is, f);
	if (r == 0)
		r = payload_digests_compare(&image->manifest, &is, image->path, f);
	block_list_free(&blocks);
	manifest_free(&is);
	return r;
}

size_t image_verify_others(const struct image *image)
{
	const struct image_member *manifest = image_find_member(image, MANIFEST_MEMBER);
	const struct image_member *payload = find_payload(image);

	if (manifest && image->is_boot_part)
		return image->n_archives - 1;
	if (!manifest || !payload)
		return 0;
	return image->n_archives - (manifest->archive == payload->archive ? 1 : 2);
}

int image_verify_bytes(const struct image *image, struct fail *f)
{
	int r;

	if (!image->has_manifest && image_find_member(image, "tarboot"))
		return fail_set(
			f, EBADMSG, image->path, PAYLOAD_TODO_COPY,
			"its manifest is missing, although the boot part is one of tarboot pack");
	if (image_verify_lacks(image))
		return 0;
	if (!image->manifest.has_text_digest)
		return fail_set(f, EBADMSG, image->path, PAYLOAD_TODO_COPY,
				"its manifest has no text-digest");
	r = image->n_members ? check_boot_part(image, f) : 0;
	if (r < 0 || image->is_boot_part)
		return r;
	if (image->n_members)
		r = check_payload_heads(image, find_payload(image), f);
	return r == 0 ? check_payload(image, f) : r;
}

int image_verify_numbers(const struct image *image, const struct treesize *size, struct fail *f)
{
	struct manifest is = { 0 };
	uint64_t said, counted;
	const char *key;

	if (image_verify_lacks(image))
		return 0;
	treesize_tell(size, &is);
	key = manifest_compare_tree(&image->manifest, &is, &said, &counted);
	if (!key)
		return 0;
	return fail_set(f, EBADMSG, image->path, "Pack it again.",
			"its manifest says %s=%llu, its members have %llu", key,
			(unsigned long long)said, (unsigned long long)counted);
}
