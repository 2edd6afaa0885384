/* Every file is written aside and renamed, in a directory that is renamed when it is complete. */
#include "site/site_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/out.h"
#include "base/util.h"
#include "codec/codec.h"
#include "image/bootpart.h"
#include "image/image_verify.h"
#include "image/members.h"

#define READ_SIZE (1 << 18)

static const char todo_stream[] =
	"Pack it with `tarboot pack --stream`, or publish it without --stream.";

/* A file of a version: head, and then bytes start to end of an open file. */
struct piece {
	const char *name;
	const char *head;
	size_t head_size;
	int from;
	uint64_t start, end; /* the same: none */
	bool is_kernel;      /* it is written from the bytes that were looked at */
	bool is_payload;     /* instead, it is all of the image's payload */
};

struct pieces {
	struct piece all[4]; /* in the order in which they are written */
	size_t n;
	char manifest[64];    /* a name in the list */
	struct bootpart head; /* owned; a head in the list */
};

/* ---- what there is to write ---- */

/* Is it the payload, or the first part of it? */
static bool is_payload(const struct image *image, const char *name)
{
	const char *payload = manifest_payload(&image->manifest);
	size_t n = strlen(payload);

	return strncmp(name, payload, n) == 0 && (!name[n] || strcmp(name + n, ".000") == 0);
}

/* Offset of the archive with the payload in an image; 0 = the image was not written by `tarboot pack`, which gives it one of its own. */
static uint64_t payload_start(const struct image *image)
{
	const struct image_member *m = image->members + image->n_members;

	while (m-- > image->members) /* the last one, as image_find_member() */
		if (is_payload(image, m->name) && image->has_manifest &&
		    m->head == image->archives[m->archive].start)
			return m->head;
	return 0;
}

static void add(struct pieces *s, struct piece piece)
{
	s->all[s->n++] = piece;
}

static void add_boot_part(struct pieces *s, const struct image *image)
{
	add(s, (struct piece){ .name = "boot.img",
			       .from = image_descriptor(image),
			       .end = payload_start(image) });
}

/* The manifest is in the same file as its payload, because a cache can mix two files of different versions. */
static int make_head(const struct image *image, struct bootpart *b, struct fail *f)
{
	const char *text = image->manifest_text;
	int r = bootpart_add(b, MANIFEST_MEMBER, S_IFREG | 0644, 0, 0, text, strlen(text));

	if (r == 0)
		r = bootpart_finish(b);
	return r < 0 ? fail_errno(f, r, image->path, "cannot split it") : 0;
}

/* Two files for a loader. */
static int list_split(struct pieces *s, const struct image *image, struct fail *f)
{
	if (make_head(image, &s->head, f) < 0)
		return -f->error;
	add_boot_part(s, image);
	add(s, (struct piece){ .name = "root.img",
			       .head = s->head.data,
			       .head_size = s->head.size,
			       .from = image_descriptor(image),
			       .start = payload_start(image),
			       .end = image->size });
	return 0;
}

/* A payload to fetch. */
static void list_stream(struct pieces *s, const struct image *image, const char *payload)
{
	const char *text = image->manifest_text;

	snprintf(s->manifest, sizeof(s->manifest), "%s.manifest", payload);
	add_boot_part(s, image);
	add(s, (struct piece){ .name = payload, .is_payload = true });
	add(s, (struct piece){ .name = s->manifest, .head = text, .head_size = strlen(text) });
}

/* The caller frees ret->head, also on failure. */
static int list_pieces(const struct publishing *p, const struct image *image,
		       const struct site_version *v, struct pieces *ret, struct fail *f)
{
	const struct image_kernel *k = p->kernel;

	*ret = (struct pieces){ 0 };
	add(ret, (struct piece){ .name = "vmlinuz",
				 .from = k->fd,
				 .end = (uint64_t)k->seen.st_size,
				 .is_kernel = true });
	if (!*v->payload && v->split)
		return list_split(ret, image, f);
	if (*v->payload)
		list_stream(ret, image, v->payload);
	else
		add(ret, (struct piece){ .name = "initrd.img",
					 .from = image_descriptor(image),
					 .end = image->size });
	return 0;
}

/* ---- can it be published so? ---- */

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

static int check_split(const struct image *image, struct fail *f)
{
	return payload_start(image) != 0
		       ? 0
		       : fail_set(f, EINVAL, image->path, "Publish it without --split.",
				  "it cannot be split: it was not made by tarboot pack");
}

int site_copy_check(const struct publishing *p, const struct image *image, struct fail *f)
{
	if (p->stream)
		return check_stream(image, f);
	return p->split ? check_split(image, f) : 0;
}

/* ---- the payload ---- */

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

/* Writes the path to ret. What is on the disk is read, since it may have been damaged there. */
static bool has_payload(const struct image *image, const char *directory, const char *name,
			char ret[PATH_MAX])
{
	const struct manifest *m = &image->manifest;

	return snprintf(ret, PATH_MAX, "%s/%s", directory, name) < PATH_MAX &&
	       has_digest(ret, m->payload_bytes, &m->payload_digest);
}

/* A version that differs in its boot part alone shares the file with the one before. */
static bool link_payload(const struct image *image, const char *directory, const char *name,
			 const char *older)
{
	char from[PATH_MAX], to[PATH_MAX];

	return snprintf(to, sizeof(to), "%s/%s", directory, name) < PATH_MAX &&
	       has_payload(image, older, name, from) && link(from, to) == 0;
}

/* ---- writing ---- */

static int open_new(const char *directory, const char *name, struct out *ret, struct fail *f)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", directory, name) < PATH_MAX
		       ? out_open(path, OUT_PUBLISHED, ret, f)
		       : fail_errno(f, ENAMETOOLONG, directory, "cannot create files in it");
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

static int link_or_write_payload(const struct image *image, const char *name, const char *directory,
				 const char *const older[2], struct fail *f)
{
	for (size_t i = 0; i < 2; i++)
		if (link_payload(image, directory, name, older[i]))
			return 0;
	return write_payload(image, directory, name, f);
}

/* what: it is a part of, for messages. */
static int write_part(const struct piece *p, const char *what, const char *directory,
		      struct fail *f)
{
	struct out out = { 0 };
	int r = open_new(directory, p->name, &out, f);

	if (r == 0)
		r = out_write(&out, p->head, p->head_size, f);
	if (r == 0)
		r = out_copy(&out, p->from, p->start, p->end - p->start, what, f);
	if (r == 0)
		r = out_commit(&out, f);
	out_abandon(&out);
	return r;
}

static int write_kernel(const struct image_kernel *k, const char *directory, const char *name,
			struct fail *f)
{
	_cleanup_free_ char *data = NULL;
	struct piece piece = { .name = name };
	int r = kernel_image_load(k->fd, k->path, &k->is, &data, &piece.head_size, f);

	piece.head = data;
	return r == 0 ? write_part(&piece, k->path, directory, f) : r;
}

int site_copy(const struct publishing *p, const struct image *image, const struct site_version *v,
	      const char *directory, const char *const older[2], struct fail *f)
{
	struct pieces pieces;
	int r = list_pieces(p, image, v, &pieces, f);

	for (size_t i = 0; r == 0 && i < pieces.n; i++) {
		const struct piece *piece = &pieces.all[i];

		if (piece->is_payload)
			r = link_or_write_payload(image, piece->name, directory, older, f);
		else if (piece->is_kernel)
			r = write_kernel(p->kernel, directory, piece->name, f);
		else
			r = write_part(piece, image->path, directory, f);
	}
	bootpart_free(&pieces.head);
	return r;
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

static bool piece_is_there(const struct piece *p, const char *directory)
{
	struct stat st;
	_cleanup_close_ int fd = open_old(directory, p->name, &st);
	uint64_t size = p->end - p->start;

	return fd >= 0 && (uint64_t)st.st_size == p->head_size + size &&
	       begins_with(fd, p->head, p->head_size) &&
	       is_same(fd, p->head_size, p->from, p->start, size);
}

bool site_copy_is_whole(const struct publishing *p, const struct image *image,
			const struct site_version *v, const char *directory)
{
	char path[PATH_MAX];
	struct pieces pieces;
	struct fail unused;
	bool is = list_pieces(p, image, v, &pieces, &unused) == 0;

	for (size_t i = 0; is && i < pieces.n; i++) {
		const struct piece *piece = &pieces.all[i];

		is = piece->is_payload ? has_payload(image, directory, piece->name, path)
				       : piece_is_there(piece, directory);
	}
	bootpart_free(&pieces.head);
	return is;
}
