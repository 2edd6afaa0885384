/* Every file is written aside and renamed, in a directory that is renamed when it is complete. */
#include "site/site_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/out.h"
#include "base/read_all.h"
#include "base/util.h"
#include "codec/codec.h"
#include "image/bootpart.h"
#include "image/image_verify.h"
#include "image/members.h"
#include "tar/cpio.h"

#define READ_SIZE (1 << 18)

static const char todo_stream[] =
	"Pack it with `tarboot pack --stream`, or publish it without --stream.";

#define LAYER_FILES(n)                                                                \
	"layer-" n ".img", "layer-" n ".tar", "layer-" n ".tar.manifest",             \
		"layer-" n ".tar.manifest.minisig", "layer-" n ".tar.xz",             \
		"layer-" n ".tar.xz.manifest", "layer-" n ".tar.xz.manifest.minisig", \
		"layer-" n ".tar.zst", "layer-" n ".tar.zst.manifest",                \
		"layer-" n ".tar.zst.manifest.minisig"

const char *const site_copy_files[] = { "entry.conf",
					"vmlinuz",
					"initrd.img",
					"boot.img",
					"root.img",
					"root.tar.xz",
					"root.tar.xz.manifest",
					"root.tar.xz.manifest.minisig",
					"root.tar.zst",
					"root.tar.zst.manifest",
					"root.tar.zst.manifest.minisig",
					"root.tar",
					"root.tar.manifest",
					"root.tar.manifest.minisig",
					LAYER_FILES("1"),
					LAYER_FILES("2"),
					LAYER_FILES("3"),
					LAYER_FILES("4"),
					LAYER_FILES("5"),
					LAYER_FILES("6"),
					LAYER_FILES("7"),
					LAYER_FILES("8"),
					NULL };

/* ---- parts of files ---- */

static int name_new(const char *directory, const char *name, char ret[PATH_MAX], struct fail *f)
{
	return snprintf(ret, PATH_MAX, "%s/%s", directory, name) < PATH_MAX
		       ? 0
		       : fail_errno(f, ENAMETOOLONG, directory, "cannot create files in it");
}

static int open_new(const char *directory, const char *name, struct out *ret, struct fail *f)
{
	char path[PATH_MAX];
	int r = name_new(directory, name, path, f);

	return r == 0 ? out_open(path, OUT_PUBLISHED, ret, f) : r;
}

/* Writes head and then bytes start to end of the image to directory/name. */
static int copy_part(const struct image *image, uint64_t start, uint64_t end,
		     const struct bootpart *head, const char *directory, const char *name,
		     struct fail *f)
{
	struct out out = { 0 };
	int r = open_new(directory, name, &out, f);

	if (r == 0)
		r = out_write(&out, head->data, head->size, f);
	if (r == 0)
		r = out_copy(&out, image_descriptor(image), start, end - start, image->path, f);
	if (r == 0)
		r = out_commit(&out, f);
	out_abandon(&out);
	return r;
}

static int write_file(const char *data, size_t size, const char *directory, const char *name,
		      struct fail *f)
{
	char path[PATH_MAX];
	int r = name_new(directory, name, path, f);

	return r == 0 ? out_replace(path, OUT_PUBLISHED, data, size, f) : r;
}

/* Of the bytes that were looked at. */
static int copy_kernel(const struct image_kernel *k, const char *directory, struct fail *f)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r = kernel_image_load(k->fd, k->path, &k->is, &data, &size, f);

	return r == 0 ? write_file(data, size, directory, "vmlinuz", f) : r;
}

/* Is it the payload, or the first part of it? */
static bool is_payload(const struct image *image, const char *name)
{
	const char *payload = manifest_payload(&image->manifest);
	size_t n = strlen(payload);

	return strncmp(name, payload, n) == 0 && (!name[n] || strcmp(name + n, ".000") == 0);
}

/* Offset of the archive with the payload in an image; 0 = the image was not written by `tarboot pack`. */
static uint64_t payload_start(const struct image *image)
{
	const struct image_member *m;

	for (m = image->members; m < image->members + image->n_members; m++)
		if (is_payload(image, m->name) && image->has_manifest &&
		    m->offset % 512 == cpio_head_size(strlen(m->name)) % 512)
			return m->offset - cpio_head_size(strlen(m->name));
	return 0;
}

static int copy_boot_part(const struct image *image, const char *directory, struct fail *f)
{
	static const struct bootpart nothing;

	return copy_part(image, 0, payload_start(image), &nothing, directory, "boot.img", f);
}

/* ---- two files for a loader ---- */

/* The manifest is in the same file as its payload, because a cache can mix two files of different versions. */
static int add_manifest(const struct image *image, struct bootpart *b, struct fail *f)
{
	const char *text = image->manifest_text;
	int r = bootpart_add(b, MANIFEST_MEMBER, S_IFREG | 0644, 0, 0, text, strlen(text));

	if (r == 0)
		r = bootpart_finish(b);
	return r < 0 ? fail_errno(f, r, image->path, "cannot split it") : 0;
}

static int check_split(const struct image *image, struct fail *f)
{
	return payload_start(image) != 0
		       ? 0
		       : fail_set(f, EINVAL, image->path, "Publish it without --split.",
				  "it cannot be split: it was not made by tarboot pack");
}

static int copy_split(const struct image *image, const char *directory, struct fail *f)
{
	struct bootpart head = { 0 };
	int r = copy_boot_part(image, directory, f);

	if (r == 0)
		r = add_manifest(image, &head, f);
	if (r == 0)
		r = copy_part(image, payload_start(image), image->size, &head, directory,
			      "root.img", f);
	bootpart_free(&head);
	return r;
}

/* ---- a payload to fetch ---- */

static int check_stream(const struct image *image, struct fail *f)
{
	const char *lacks = image_verify_lacks(image);

	if (!image_can_fetch(image))
		return fail_set(f, EINVAL, image->path, todo_stream,
				"it cannot fetch its root: there is no /" MEMBER_FETCHER " in it");
	if (lacks || payload_start(image) == 0)
		return fail_set(f, EINVAL, image->path, todo_stream,
				"its root cannot be checked while it arrives: %s",
				lacks ? lacks : "it was not made by tarboot pack");
	return 0;
}

static int write_payload(const struct image *image, const char *directory, const char *name,
			 struct fail *f)
{
	const struct payload *p = &image->payload;
	struct out out = { 0 };
	int r = open_new(directory, name, &out, f);

	for (size_t i = 0; r == 0 && i < p->n_parts; i++)
		r = out_copy(&out, p->parts[i].fd, p->parts[i].offset, p->parts[i].size,
			     image->path, f);
	if (r == 0)
		r = out_commit(&out, f);
	out_abandon(&out);
	return r;
}

static bool has_digest(const char *path, uint64_t size, const struct digest *wanted)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = malloc(READ_SIZE);
	struct digest_state s;
	struct digest is;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0 || !buf || fstat(fd, &st) < 0 || (uint64_t)st.st_size != size)
		return false;
	digest_begin(&s);
	while ((n = read(fd, buf, READ_SIZE)) > 0)
		digest_add(&s, buf, (size_t)n);
	is = digest_end(&s);
	return n == 0 && digest_is_same(&is, wanted);
}

/* A version that differs in its boot part alone shares the file with the one before. What is on the disk is read, since it may
 * have been damaged there. */
static bool link_payload(const struct image *image, const char *directory, const char *name,
			 const char *older)
{
	const struct manifest *m = &image->manifest;
	char from[PATH_MAX], to[PATH_MAX];

	return snprintf(from, sizeof(from), "%s/%s", older, name) < PATH_MAX &&
	       snprintf(to, sizeof(to), "%s/%s", directory, name) < PATH_MAX &&
	       has_digest(from, m->payload_bytes, &m->payload_digest) && link(from, to) == 0;
}

static int copy_stream(const struct image *image, const char *name, const char *directory,
		       const char *const older[2], struct fail *f)
{
	char manifest[64];
	bool is_linked = false;
	int r = copy_boot_part(image, directory, f);

	for (size_t i = 0; r == 0 && !is_linked && i < 2; i++)
		is_linked = link_payload(image, directory, name, older[i]);
	if (r == 0 && !is_linked)
		r = write_payload(image, directory, name, f);
	snprintf(manifest, sizeof(manifest), "%s.manifest", name);
	return r == 0 ? write_file(image->manifest_text, strlen(image->manifest_text), directory,
				   manifest, f)
		      : r;
}

/* ---- the whole ---- */

int site_copy_check(const struct publishing *p, const struct image *image, struct fail *f)
{
	if (p->stream)
		return check_stream(image, f);
	return p->split ? check_split(image, f) : 0;
}

int site_copy(const struct publishing *p, const struct image *image, const struct site_version *v,
	      const char *directory, const char *const older[2], struct fail *f)
{
	static const struct bootpart nothing;
	int r = copy_kernel(p->kernel, directory, f);

	if (r < 0)
		return r;
	if (*v->payload)
		return copy_stream(image, v->payload, directory, older, f);
	return v->split ? copy_split(image, directory, f)
			: copy_part(image, 0, image->size, &nothing, directory, "initrd.img", f);
}

/* ---- is it there? ---- */

static bool is_same(int a, uint64_t at_a, int b, uint64_t at_b, uint64_t size)
{
	_cleanup_free_ char *buf = malloc((size_t)2 * READ_SIZE);
	bool is = buf;

	for (size_t n; is && size > 0; at_a += n, at_b += n, size -= n) {
		n = (size_t)min_u64(size, READ_SIZE);
		is = pread(a, buf, n, (off_t)at_a) == (ssize_t)n &&
		     pread(b, buf + READ_SIZE, n, (off_t)at_b) == (ssize_t)n &&
		     memcmp(buf, buf + READ_SIZE, n) == 0;
	}
	return is;
}

static int open_old(const char *directory, const char *name, struct stat *ret)
{
	char path[PATH_MAX];
	int fd = snprintf(path, sizeof(path), "%s/%s", directory, name) < PATH_MAX
			 ? open(path, O_RDONLY | O_CLOEXEC)
			 : -1;

	if (fd >= 0 && fstat(fd, ret) < 0)
		cleanup_close(&fd);
	return fd;
}

static bool begins_with(int fd, const char *text, size_t size)
{
	_cleanup_free_ char *is = malloc(size + 1);

	return size == 0 ||
	       (is && pread(fd, is, size, 0) == (ssize_t)size && memcmp(is, text, size) == 0);
}

/* Is it head, and then bytes start to end of what is open at from? */
static bool is_copy(int from, uint64_t start, uint64_t end, const struct bootpart *head,
		    const char *directory, const char *name)
{
	struct stat st;
	_cleanup_close_ int fd = open_old(directory, name, &st);

	return fd >= 0 && (uint64_t)st.st_size == head->size + end - start &&
	       begins_with(fd, head->data, head->size) &&
	       is_same(fd, head->size, from, start, end - start);
}

static bool is_split(const struct image *image, const char *directory)
{
	static const struct bootpart nothing;
	uint64_t start = payload_start(image);
	int fd = image_descriptor(image);
	struct bootpart head = { 0 };
	struct fail unused;
	bool is = add_manifest(image, &head, &unused) == 0 &&
		  is_copy(fd, 0, start, &nothing, directory, "boot.img") &&
		  is_copy(fd, start, image->size, &head, directory, "root.img");

	bootpart_free(&head);
	return is;
}

static bool is_stream(const struct image *image, const char *name, const char *directory)
{
	static const struct bootpart nothing;
	const struct manifest *m = &image->manifest;
	char path[PATH_MAX], manifest[64];
	size_t size = strlen(image->manifest_text);
	struct stat st;
	_cleanup_close_ int fd = -1;

	snprintf(manifest, sizeof(manifest), "%s.manifest", name);
	fd = open_old(directory, manifest, &st);
	return fd >= 0 && (uint64_t)st.st_size == size &&
	       begins_with(fd, image->manifest_text, size) &&
	       snprintf(path, sizeof(path), "%s/%s", directory, name) < PATH_MAX &&
	       has_digest(path, m->payload_bytes, &m->payload_digest) &&
	       is_copy(image_descriptor(image), 0, payload_start(image), &nothing, directory,
		       "boot.img");
}

bool site_copy_is_whole(const struct publishing *p, const struct image *image,
			const struct site_version *v, const char *directory)
{
	static const struct bootpart nothing;
	const struct image_kernel *k = p->kernel;

	if (!is_copy(k->fd, 0, (uint64_t)k->seen.st_size, &nothing, directory, "vmlinuz"))
		return false;
	if (*v->payload)
		return is_stream(image, v->payload, directory);
	return v->split ? is_split(image, directory)
			: is_copy(image_descriptor(image), 0, image->size, &nothing, directory,
				  "initrd.img");
}
