/* Concatenated newc archives, walked header by header. */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "codec/codec.h"
#include "tar/cpio.h"
#include "base/elfinfo.h"
#include "source/file_kind.h"
#include "base/read_all.h"
#include "base/spool.h"
#include "image/layer_rules.h"
#include "image/members.h"
#include "modules/modindex.h"
#include "image/pinned.h"

#define NAME_SIZE_MAX 4096

/* What must be in an image that is opened. */
enum need { NEED_ROOT, NEED_SOMETHING, NEED_NOTHING };

static const char todo_image[] = "Give an image that `tarboot pack` wrote, or a .tar, .tar.xz or "
				 ".tar.zst file.";

/* What is at an offset of the image. */
static int read_at(const struct image *image, int fd, uint64_t offset, void *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size, (off_t)(image->start + offset));

	return n < 0 ? -errno : n == (ssize_t)size ? 0 : -ENODATA;
}

static int add_member(struct image *image, const struct cpio_header *h, const char *name,
		      uint64_t head, uint64_t offset)
{
	struct image_member *m = array_one_more(image->members, image->n_members, sizeof(*m));

	if (!m)
		return -ENOMEM;
	image->members = m;
	m += image->n_members;
	name += strncmp(name, "./", 2) == 0 ? 2 : strspn(name, "/");
	*m = (struct image_member){
		strdup(name), h->mode, head, offset, h->size, image->n_archives
	};
	if (!m->name)
		return -ENOMEM;
	image->n_members++;
	return 0;
}

static int add_archive(struct image *image, uint64_t start, uint64_t end)
{
	struct image_archive *a = array_one_more(image->archives, image->n_archives, sizeof(*a));

	if (!a)
		return -ENOMEM;
	image->archives = a;
	a[image->n_archives++] = (struct image_archive){ start, end };
	return 0;
}

/* Between archives there may be zeros, in steps of 4 bytes. */
static uint64_t skip_zeros(const struct image *image, int fd, uint64_t at)
{
	uint64_t end = image->size;
	char block[4096];
	size_t i, size;

	for (; at < end; at += sizeof(block)) {
		size = end - at < sizeof(block) ? (size_t)(end - at) : sizeof(block);
		if (read_at(image, fd, at, block, size) < 0)
			return at;
		for (i = 0; i < size; i++)
			if (block[i])
				return at + i;
	}
	return end;
}

static int fail_member(const struct image *image, uint64_t at, const char *why, struct fail *f)
{
	return fail_set(f, EBADMSG, image->path,
			"Copy the image again or pack it again; if it is a .gz or .zst, unpack it "
			"first.",
			"at byte %llu: %s", (unsigned long long)at, why);
}

/* Reads the member at *at and moves *at behind it. archive: where its archive starts; moves with the next. */
static int read_member(struct image *image, int fd, uint64_t *at, uint64_t *archive, struct fail *f)
{
	char head[CPIO_HEADER_SIZE], name[NAME_SIZE_MAX];
	uint64_t data, end;
	struct cpio_header h;
	int r;

	if (*at > image->size || image->size - *at < sizeof(head) ||
	    read_at(image, fd, *at, head, sizeof(head)) < 0)
		return fail_member(image, *at, "it is cut short, or something was added to it", f);
	if (cpio_header_parse(head, &h) < 0 || h.name_size > sizeof(name))
		return fail_member(image, *at, "this is not a newc cpio header", f);
	if (read_at(image, fd, *at + CPIO_HEADER_SIZE, name, h.name_size) < 0)
		return fail_member(image, *at, "it is cut short", f);
	name[h.name_size - 1] = '\0';
	data = *at + cpio_head_size(h.name_size - 1);
	end = data + h.size;
	if (end > image->size)
		return fail_member(image, *at, "it is cut short", f);
	if (strcmp(name, CPIO_TRAILER) == 0) {
		r = add_archive(image, *archive, data);
		*at = *archive = skip_zeros(image, fd, end + cpio_padding(end));
	} else {
		r = add_member(image, &h, name, *at, data);
		*at = end + cpio_padding(end);
	}
	return r < 0 ? fail_errno(f, r, image->path, "cannot hold its list of members") : 0;
}

const struct image_member *image_find_member(const struct image *image, const char *name)
{
	for (size_t i = image->n_members; i > 0; i--)
		if (strcmp(image->members[i - 1].name, name) == 0)
			return &image->members[i - 1];
	return NULL;
}

bool image_can_fetch(const struct image *image)
{
	return image_find_member(image, MEMBER_FETCHER);
}

bool image_has_module(const struct image *image, const char *name)
{
	char is[MODULE_NAME_MAX];

	for (size_t i = 0; i < image->n_members; i++)
		if (strncmp(image->members[i].name, "lib/modules/", 12) == 0 &&
		    strstr(image->members[i].name, ".ko") &&
		    modindex_name(image->members[i].name, is) && strcmp(is, name) == 0)
			return true;
	return false;
}

/* Its text; *ret is the caller's. 0 or -errno. */
static int read_manifest(const struct image *image, int fd, const struct image_member *m,
			 char **ret)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (m->size > MANIFEST_TEXT_MAX)
		return -E2BIG;
	text = calloc(1, m->size + 1);
	if (!text)
		return -ENOMEM;
	r = read_at(image, fd, m->offset, text, m->size);
	if (r < 0)
		return r;
	*ret = text;
	text = NULL;
	return 0;
}

static int find_own_manifest(struct image *image, int fd, struct fail *f)
{
	const struct image_member *m = image_find_member(image, MANIFEST_MEMBER);
	int r;

	if (!m)
		return 0;
	r = read_manifest(image, fd, m, &image->manifest_text);
	if (r == 0)
		r = manifest_parse(image->manifest_text, m->size, &image->manifest);
	image->has_manifest = r == 0;
	return r < 0 ? manifest_fail(r, image->path, f) : 0;
}

int image_take_manifest(struct image *image, int fd, const char *name, struct fail *f)
{
	size_t size;
	int r = read_all(fd, &image->manifest_text, &size);

	if (r == 0)
		r = manifest_parse(image->manifest_text, size, &image->manifest);
	if (r == -EBADMSG || r == -EINVAL || r == -E2BIG)
		return fail_set(
			f, EBADMSG, name,
			"Copy it again; `tarboot netboot --stream` publishes it beside the root.",
			"it is no manifest, or a damaged one");
	return r < 0 ? manifest_fail(r, name, f) : 0;
}

/* The manifest beside it, if there is one that can be read. A descriptor, or -1. */
static int open_beside(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? take_fd(&fd) : -1;
}

/* Is it that of this payload? */
static int check_size(const struct image *image, const char *manifest, struct fail *f)
{
	if (image->payload.size == image->manifest.payload_bytes)
		return 0;
	return fail_set(f, EBADMSG, image->path,
			"Copy both again: they must be of the same version.",
			"it has %llu bytes, %s says %llu", (unsigned long long)image->payload.size,
			manifest, (unsigned long long)image->manifest.payload_bytes);
}

int image_find_manifest(struct image *image, const char *path, struct fail *f)
{
	char beside[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	if (image->n_members > 0)
		return path ? fail_set(f, EINVAL, path, "Leave out --manifest.",
				       "%s is an image, and has its manifest in it", image->path)
			    : 0;
	if (!path && snprintf(beside, sizeof(beside), "%s.manifest", image->path) >= PATH_MAX)
		return 0;
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : open_beside(beside);
	if (fd < 0)
		return path ? fail_errno(f, errno, path, "cannot open it") : 0;
	path = path ? path : beside;
	r = image_take_manifest(image, fd, path, f);
	if (r == 0)
		r = check_size(image, path, f);
	image->has_manifest = r == 0;
	return r;
}

bool image_is_layer(const struct image *image)
{
	char beside[PATH_MAX];
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	struct manifest m;
	size_t size;
	bool is;

	if (image->n_members > 0 ||
	    snprintf(beside, sizeof(beside), "%s.manifest", image->path) >= PATH_MAX)
		return false;
	fd = open_beside(beside);
	if (fd < 0 || read_all(fd, &text, &size) < 0 || manifest_parse(text, size, &m) < 0)
		return false;
	is = strncmp(m.payload, MEMBER_LAYERS "/", strlen(MEMBER_LAYERS "/")) == 0 &&
	     m.payload_bytes == image->payload.size;
	manifest_free(&m);
	return is;
}

static int add_part(struct image *image, int fd, uint64_t offset, uint64_t size, struct fail *f)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0 || payload_add(&image->payload, copy, image->start + offset, size) < 0)
		return fail_errno(f, errno, image->path, "cannot open its payload");
	return 0;
}

/* The payload of that name, whole or in parts, if it is there. */
static int add_payload(struct image *image, int fd, const char *name, struct fail *f)
{
	const struct image_member *m = image_find_member(image, name), *part;
	char numbered[sizeof(image->manifest.payload) + 8];
	int r = 0;

	if (m)
		r = add_part(image, fd, m->offset, m->size, f);
	for (unsigned i = 0; !m && r == 0; i++) {
		snprintf(numbered, sizeof(numbered), "%s.%03u", name, i);
		part = image_find_member(image, numbered);
		if (!part)
			break;
		r = add_part(image, fd, part->offset, part->size, f);
	}
	return r;
}

/* Does its manifest tell all of a payload that is not in it? */
static bool is_boot_part(const struct image *image)
{
	return image->has_manifest && pinned_is_possible(&image->manifest) &&
	       image_can_fetch(image);
}

static int fail_boot_part(const struct image *image, struct fail *f)
{
	return fail_set(f, ENOENT, image->path,
			"Give its root, which lies beside it, or the URL of that.",
			"it is the boot part of an image whose root is fetched: there is no /%s in "
			"it",
			manifest_payload(&image->manifest));
}

int image_need_root(const struct image *image, struct fail *f)
{
	if (image->is_layers)
		return fail_set(f, ENOENT, image->path,
				"Give the image that it is loaded with, or both, joined by cat.",
				"there are only layers in it, and no root that they lie over");
	return image->is_boot_part ? fail_boot_part(image, f) : 0;
}

const char *image_layer_name(const struct image_member *m)
{
	size_t length = strlen(MEMBER_LAYERS "/");
	const char *name = m->name + length;

	return strncmp(m->name, MEMBER_LAYERS "/", length) == 0 && *name && !layer_is_beside(name)
		       ? name
		       : NULL;
}

bool image_has_layers(const struct image *image)
{
	for (size_t i = 0; i < image->n_members; i++)
		if (image_layer_name(&image->members[i]))
			return true;
	return false;
}

/* There is no payload in it: has it what is needed all the same? */
static bool find_other(struct image *image, int fd, enum need need)
{
	int copy;

	if (need == NEED_ROOT)
		return false;
	if (is_boot_part(image))
		image->arrives = image->is_boot_part = true;
	else
		image->is_layers = !image->has_manifest && image_has_layers(image);
	if (need == NEED_SOMETHING && !image->is_layers && !image->is_boot_part)
		return false;
	if (image->uki)
		return true;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy >= 0 && payload_add(&image->file, copy, 0, image->size) == 0;
}

/* The payload that the manifest names or, as init looks for it, one that is there without a manifest, or what there may
 * be in its place. */
static int find_payload(struct image *image, int fd, enum need need, struct fail *f)
{
	static const char *const usual[] = MANIFEST_USUAL_PAYLOADS;
	const char *name = manifest_payload(&image->manifest);
	int r = add_payload(image, fd, name, f);

	for (size_t i = 0;
	     !image->has_manifest && r == 0 && image->payload.n_parts == 0 && i < ARRAY_SIZE(usual);
	     i++)
		r = add_payload(image, fd, usual[i], f);
	if (r == 0 && image->payload.n_parts == 0 && find_other(image, fd, need))
		return 0;
	if (r == 0 && image->payload.n_parts == 0 && image_can_fetch(image))
		return fail_boot_part(image, f);
	if (r == 0 && image->payload.n_parts == 0)
		return fail_set(f, ENOENT, image->path, todo_image, "there is no /%s in it", name);
	if (r == 0 && image->has_manifest && image->payload.size != image->manifest.payload_bytes)
		return fail_set(f, EBADMSG, image->path, "Pack it again.",
				"its payload has %llu bytes, its manifest says %llu",
				(unsigned long long)image->payload.size,
				(unsigned long long)image->manifest.payload_bytes);
	return r;
}

/* What is neither an image nor a payload, by its first bytes: people mix up their files. */
static int fail_kind(const struct image *image, const char *head, size_t size, struct fail *f)
{
	static const struct {
		const char *magic, *program;
	} compressed[] = { { "\x1f\x8b", "gzip" }, { "BZh", "bzip2" } };
	const struct file_kind *kind = file_kind_of(head, size);

	for (size_t i = 0; i < ARRAY_SIZE(compressed); i++)
		if (strncmp(head, compressed[i].magic, strlen(compressed[i].magic)) == 0)
			return fail_set(f, EBADMSG, image->path,
					"Unpack it with that program first.",
					"it is compressed by %s", compressed[i].program);
	if (cpio_format_of(head))
		return fail_set(
			f, EBADMSG, image->path,
			"Compress it with xz or zstd, or make an image of it with `tarboot pack`.",
			"it is a cpio archive without compression");
	return kind && kind->is_known
		       ? fail_set(f, EBADMSG, image->path, todo_image, "it is %s", kind->what)
		       : fail_set(f, EBADMSG, image->path, todo_image,
				  "it is neither an image nor a .tar, .tar.xz or .tar.zst file");
}

/* The first bytes of what is compressed in the payload; their number, 0 when it cannot be decoded. */
static size_t peek(const struct payload *p, const struct block_list *l, char *head, size_t size)
{
	struct fail unused;
	void *decoder = NULL;
	size_t n = 0;

	if (l->n > 0 && l->codec->decoder_new(p, l, &decoder) == 0 &&
	    (l->codec->start(decoder, &l->blocks[0], &unused) < 0 ||
	     l->codec->read(decoder, head, size, &n, &unused) < 0))
		n = 0;
	l->codec->decoder_free(decoder);
	return n;
}

/* Is an image of tarboot pack compressed in it? Where there is no memory to look, it is taken for none. */
static bool has_image(const struct payload *p, const struct block_list *l)
{
	_cleanup_free_ char *head = malloc(FILE_KIND_HEAD);

	return head && file_kind_is_image(head, peek(p, l, head, FILE_KIND_HEAD));
}

int image_read_blocks(const struct image *image, struct block_list *ret, struct fail *f)
{
	int r;

	if (image->arrives)
		return pinned_list_blocks(&image->manifest, manifest_payload(&image->manifest), ret,
					  f);
	r = block_list_read(&image->payload, ret, f);
	if (r < 0 || image->n_archives > 0 || !has_image(&image->payload, ret))
		return r;
	r = fail_set(f, EBADMSG, image->path, "Unpack it with that program first.",
		     "it is an image that was compressed by %s", ret->codec->name);
	block_list_free(ret);
	return r;
}

/* What is in .initrd is the image. 0 also for other programs. */
static int enter_uki(struct image *image, int fd, struct fail *f)
{
	int r = uki_read(fd, image->path, &image->uki, f);

	if (r < 0)
		return r == -ENOEXEC ? 0 : r;
	image->start = image->uki->initrd->offset;
	image->size = pe_content_size(image->uki->initrd);
	return 0;
}

/* head: room for FILE_KIND_HEAD bytes */
static int read_head(const struct image *image, int fd, char *head, size_t *ret, struct fail *f)
{
	size_t size = (size_t)min_u64(image->size, FILE_KIND_HEAD);
	ssize_t n = pread(fd, head, size, (off_t)image->start);

	if (n < 0)
		return fail_errno(f, errno, image->path, "cannot read it");
	*ret = (size_t)n;
	return 0;
}

static int read_image(struct image *image, int fd, enum need need, struct fail *f)
{
	_cleanup_free_ char *head = malloc(FILE_KIND_HEAD);
	uint64_t at = 0, archive = 0;
	size_t n = 0;
	int r = head ? read_head(image, fd, head, &n, f)
		     : fail_errno(f, ENOMEM, image->path, "cannot read it");

	if (r == 0 && uki_may_be(head, n)) {
		r = enter_uki(image, fd, f);
		if (r == 0)
			r = read_head(image, fd, head, &n, f);
	}
	if (r < 0)
		return r;
	if (codec_find((const uint8_t *)head, (size_t)min_u64(n, CODEC_HEAD)))
		return add_part(image, fd, 0, image->size, f);
	if (n < CPIO_MAGIC_SIZE)
		return fail_set(f, EBADMSG, image->path, todo_image, "it is empty or too short");
	if (strncmp(head, "070701", 6) != 0)
		return fail_kind(image, head, n, f);
	while (r == 0 && at < image->size)
		r = read_member(image, fd, &at, &archive, f);
	if (r == 0)
		r = find_own_manifest(image, fd, f);
	return r == 0 ? find_payload(image, fd, need, f) : r;
}

/* The Index of an xz file stands at its end, so a pipe is first read to its end. A descriptor, or -errno. */
static int open_pipe(int from, const char *name, struct fail *f)
{
	struct spool spool;
	int r = spool_new(&spool, f), fd;

	if (r < 0)
		return r;
	r = spool_read_from(&spool, from, name, f);
	fd = r < 0 ? -1 : fcntl(spool.fd, F_DUPFD_CLOEXEC, 0);
	spool_close(&spool);
	if (r < 0)
		return r;
	return fd < 0 ? fail_errno(f, errno, name, "cannot open it") : fd;
}

static int open_input(struct image *image, struct fail *f)
{
	struct stat st;
	int fd;

	if (strcmp(image->path, "-") != 0) {
		fd = open(image->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe is refused */
		if (fd < 0 && errno == EACCES)
			return fail_set(
				f, EACCES, image->path,
				"An image can contain passwords, so only its owner can read it: "
				"run this as that user or with sudo, or change its mode.",
				"you are not allowed to read it");
		return fd < 0 ? fail_errno(f, errno, image->path, "cannot open it") : fd;
	}
	image->path = "standard input";
	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode)) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? fail_errno(f, errno, image->path, "cannot open it") : fd;
	}
	return open_pipe(STDIN_FILENO, image->path, f);
}

static int open_fd(int fd_to_close, const char *path, enum need need, struct image *ret,
		   struct fail *f)
{
	struct image image = { .path = path };
	_cleanup_close_ int fd = fd_to_close;
	struct stat st;
	int r;

	snprintf(image.payload.name, sizeof(image.payload.name), "%s", path);
	if (fstat(fd, &st) < 0)
		return fail_errno(f, errno, path, "cannot open it");
	if (!S_ISREG(st.st_mode))
		return fail_set(f, EINVAL, path, todo_image, "it is not a regular file");
	image.size = (uint64_t)st.st_size;
	r = read_image(&image, fd, need, f);
	if (r < 0) {
		image_close(&image);
		return r;
	}
	*ret = image;
	return 0;
}

static int open_path(const char *path, enum need need, struct image *ret, struct fail *f)
{
	struct image image = { .path = path };
	int fd = open_input(&image, f);

	return fd < 0 ? fd : open_fd(fd, image.path, need, ret, f);
}

int image_open(const char *path, struct image *ret, struct fail *f)
{
	return open_path(path, NEED_ROOT, ret, f);
}

int image_open_any(const char *path, struct image *ret, struct fail *f)
{
	return open_path(path, NEED_SOMETHING, ret, f);
}

int image_open_members(const char *path, struct image *ret, struct fail *f)
{
	return open_path(path, NEED_NOTHING, ret, f);
}

static const char todo_uki[] = "Give one that `tarboot pack --uki` wrote.";

int image_open_uki(const char *path, struct image *ret, struct fail *f)
{
	int r = image_open_any(path, ret, f);

	if (r == 0 && !ret->uki) {
		image_close(ret);
		return fail_set(f, EINVAL, path, todo_uki, "it is no unified kernel image");
	}
	if (r < 0 && (!*f->todo || strcmp(f->todo, todo_image) == 0))
		strcpy(f->todo, todo_uki);
	return r;
}

int image_open_fd(int fd, const char *path, struct image *ret, struct fail *f)
{
	return open_fd(fd, path, NEED_ROOT, ret, f);
}

void image_close(struct image *image)
{
	for (size_t i = 0; i < image->n_members; i++)
		free(image->members[i].name);
	free(image->members);
	free(image->archives);
	free(image->manifest_text);
	manifest_free(&image->manifest);
	payload_close(&image->payload);
	payload_close(&image->file);
	uki_free(image->uki);
	*image = (struct image){ 0 };
}

int image_descriptor(const struct image *image)
{
	return image->uki                   ? image->uki->fd
	       : image->payload.n_parts > 0 ? image->payload.parts[0].fd
					    : image->file.parts[0].fd;
}

int image_read(const struct image *image, uint64_t offset, void *buf, size_t size)
{
	return read_at(image, image_descriptor(image), offset, buf, size);
}

uint16_t image_machine(const struct image *image)
{
	const struct image_member *m = image_find_member(image, "init");
	char head[PROGRAM_HEAD_SIZE];
	struct program program;
	ssize_t n = m ? pread(image_descriptor(image), head, sizeof(head),
			      (off_t)(image->start + m->offset))
		      : 0;

	return n > 0 && program_parse(head, (size_t)n, &program) == 0 ? program.machine : 0;
}

int image_read_module_index(const struct image *image, char **ret, struct fail *f)
{
	const struct image_member *m = NULL;
	int r = 0;

	for (size_t i = 0; i < image->n_members; i++)
		if (strncmp(image->members[i].name, "lib/modules/", 12) == 0 &&
		    ends_with(image->members[i].name, "/modules.dep"))
			m = &image->members[i];
	*ret = calloc(1, m ? m->size + 1 : 1);
	if (!*ret)
		r = -ENOMEM;
	else if (m)
		r = image_read(image, m->offset, *ret, m->size);
	return r < 0 ? fail_errno(f, r, image->path, "cannot read its index of modules") : 0;
}
