/* A tar of blobs is read once for where its members lie. */
#include "source/blobs.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/decompress.h"
#include "base/json_read.h"
#include "base/path.h"
#include "base/spool.h"
#include "base/util.h"
#include "source/uncompressed.h"

#define TEXT_MAX (4 << 20)
#define READ_SIZE (64 << 10)

/* In an archive: one of these tells which layers there are. */
static bool is_index(const char *name)
{
	return strcmp(name, "manifest.json") == 0 || strcmp(name, "index.json") == 0 ||
	       strcmp(name, "repositories") == 0;
}

/* A root may have a file of such a name, too: its content must be right. */
static bool is_manifest(const char *text)
{
	return json_member(text, "layers") || json_member(json_item(text, 0), "Layers") ||
	       json_member(json_item(json_member(text, "manifests"), 0), "digest");
}

bool blobs_is_layout(int fd)
{
	struct blobs b = { .path = "", .fd = fd, .is_directory = true };
	_cleanup_free_ char *text = NULL;
	struct fail f;

	if (blobs_has(&b, "oci-layout") && (blobs_has(&b, "index.json") || blobs_has(&b, "blobs")))
		return true;
	text = blobs_has(&b, "manifest.json") ? blobs_read(&b, "manifest.json", &f) : NULL;
	return text && is_manifest(text);
}

/* The tar that is open at fd, compressed or not. */
static struct archive *open_tar(int fd)
{
	struct archive *a = archive_read_new();

	if (!a)
		return NULL;
	archive_read_support_format_tar(a);
	decompress_support_all(a);
	if (lseek(fd, 0, SEEK_SET) == 0 && archive_read_open_fd(a, fd, READ_SIZE) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

/* The next member; a warning is about names of owners, in another character set. */
static bool next_member(struct archive *a, struct archive_entry **ret, int *ret_status)
{
	*ret_status = archive_read_next_header(a, ret);
	return (*ret_status == ARCHIVE_OK || *ret_status == ARCHIVE_WARN) &&
	       archive_entry_pathname(*ret);
}

/* A name that a root has and an image has not: this is a root, without looking at all of it. */
static bool is_root_name(const char *name)
{
	static const char *const names[] = { "bin",   "boot", "dev", "etc",  "home", "lib", "lib64",
					     "media", "mnt",  "opt", "proc", "root", "run", "sbin",
					     "srv",   "sys",  "tmp", "usr",  "var" };
	size_t n = strcspn(name, "/");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == n && strncmp(name, names[i], n) == 0)
			return true;
	return false;
}

static bool is_digest(const char *name)
{
	if (strncmp(name, "sha256:", 7) == 0)
		name += 7;
	return strspn(name, "0123456789abcdef") >= 64;
}

/* What there is of a root, and of an image that lacks what tells its layers. */
struct remains {
	bool of_root, of_oci;      /* any name of these */
	unsigned digests;          /* names at the top that are one; of the same in a row one */
	char digest[NAME_MAX + 1]; /* the last of these */
};

static void look_at_digest(const char *name, struct remains *ret)
{
	char top[NAME_MAX + 1];

	snprintf(top, sizeof(top), "%.*s", (int)strcspn(name, "/."), name);
	if (!is_digest(name) || strcmp(top, ret->digest) == 0)
		return;
	strcpy(ret->digest, top);
	ret->digests++;
}

static void look_at_name(const char *name, struct remains *ret)
{
	ret->of_root |= is_root_name(name);
	ret->of_oci |= strcmp(name, "oci-layout") == 0 || strncmp(name, "blobs/sha256/", 13) == 0 ||
		       strncmp(name, "blobs/sha512/", 13) == 0;
	look_at_digest(name, ret);
}

/* An image has its configuration and at least one layer. A single name like that may be anything's. */
static bool is_of_image(const struct remains *r)
{
	return !r->of_root && (r->of_oci || r->digests > 1);
}

enum blobs_archive blobs_look_at_archive(int fd)
{
	struct archive *a = open_tar(fd);
	struct remains has = { 0 };
	int status = ARCHIVE_FATAL;
	struct archive_entry *e;
	bool found = false;

	while (a && !found && !has.of_root && next_member(a, &e, &status)) {
		const char *name = path_in_root(archive_entry_pathname(e));

		look_at_name(name, &has);
		found = is_index(name);
	}
	if (a)
		archive_read_free(a);
	if (found)
		return BLOBS_IMAGE;
	return status == ARCHIVE_EOF && is_of_image(&has) ? BLOBS_DAMAGED : BLOBS_NONE;
}

int blobs_fail_damaged(const char *path, struct fail *f)
{
	return fail_set(f, EBADMSG, path, "Save or copy the image again.",
			"it looks like a container image, but has neither index.json nor "
			"manifest.json");
}

/* A name that an image has and hardly a root: "blobs", or one that begins with a digest. */
static bool is_image_name(const char *name)
{
	static const char *const names[] = { "blobs",         "oci-layout",   "index.json",
					     "manifest.json", "repositories", "config.json" };
	size_t n = strcspn(name, "/");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == n && strncmp(name, names[i], n) == 0)
			return true;
	return is_digest(name);
}

static int look_at_names(int fd, struct remains *ret)
{
	_cleanup_close_ int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!dir)
		return -errno;
	(void)take_fd(&copy);
	while ((e = readdir(dir)))
		look_at_name(e->d_name, ret);
	closedir(dir);
	return 0;
}

int blobs_check_no_layout(int fd, const char *path, struct fail *f)
{
	const struct blobs b = { .path = path, .fd = fd, .is_directory = true };
	bool is_oci = blobs_has(&b, "blobs/sha256") || blobs_has(&b, "blobs/sha512");
	struct remains has = { .of_oci = is_oci };

	if (look_at_names(fd, &has) < 0 || !is_of_image(&has))
		return 0;
	return fail_set(f, EBADMSG, path, "Copy it again, as with `skopeo copy`.",
			"it looks like a container image, but %s is missing or damaged",
			is_oci                        ? "oci-layout"
			: blobs_has(&b, "oci-layout") ? "index.json"
						      : "manifest.json");
}

bool blobs_may_be_archive(const void *head, size_t size)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	bool may = false;
	int status;

	if (!a)
		return false;
	archive_read_support_format_tar(a);
	decompress_support_all(a);
	if (archive_read_open_memory(a, head, size) == ARCHIVE_OK)
		while (!may && next_member(a, &e, &status)) {
			const char *name = path_in_root(archive_entry_pathname(e));

			if (!path_is_root(name) && !is_image_name(name))
				break;
			may = !path_is_root(name);
		}
	archive_read_free(a);
	return may;
}

/* Docker before 25 saves a layer that is there already as a link to ../OTHER/layer.tar. */
static const char *link_target(struct archive_entry *e)
{
	const char *target = archive_entry_hardlink(e);

	if (!target && archive_entry_filetype(e) == AE_IFLNK)
		target = archive_entry_symlink(e);
	if (target && strncmp(target, "../", 3) == 0)
		target += 3;
	return target ? path_in_root(target) : NULL;
}

static int add(struct blobs *b, struct archive *a, struct archive_entry *e)
{
	struct blob *list = array_one_more(b->list, b->n, sizeof(*list)), *blob;
	const char *target = link_target(e);

	if (!list)
		return -ENOMEM;
	b->list = list;
	if (archive_entry_sparse_count(e) > 0)
		return -ENOTSUP;
	blob = &list[b->n++];
	*blob = (struct blob){
		.name = strdup(path_in_root(archive_entry_pathname(e))),
		.target = target ? strdup(target) : NULL,
		.offset = (uint64_t)archive_filter_bytes(a, 0),
		.size = (uint64_t)archive_entry_size(e),
	};
	return blob->name && (!target || blob->target) ? 0 : -ENOMEM;
}

static int read_list(struct blobs *b, struct fail *f)
{
	struct archive *a = open_tar(b->fd);
	struct archive_entry *e;
	int r = 0, status = ARCHIVE_OK;

	if (!a)
		return fail_set(f, EBADMSG, b->path, "Save the image again.",
				"cannot read this image as a tar archive");
	while (r == 0 && next_member(a, &e, &status))
		r = add(b, a, e);
	archive_read_free(a);
	if (r == -ENOTSUP)
		return fail_set(f, ENOTSUP, b->path, "Archive it again without --sparse.",
				"one of the files of this image is stored with holes");
	if (r < 0)
		return fail_errno(f, r, b->path, "cannot read this image");
	return status == ARCHIVE_EOF ? 0
				     : fail_set(f, EBADMSG, b->path, "Save the image again.",
						"the archive is damaged or cut short");
}

static int keep(const void *data, size_t size, void *arg, struct fail *f)
{
	return spool_write(arg, data, size, NULL, f);
}

/* Blobs are read where they lie in the file: one that is compressed is decompressed first. */
static int unpack_whole(struct blobs *b, struct fail *f)
{
	struct spool spool;
	struct stat st;
	int r = spool_new(&spool, f), fd;

	if (r < 0)
		return r;
	if (fstat(b->fd, &st) == 0)
		spool_expect_at_most(&spool, uncompressed_size(b->fd, 0, (uint64_t)st.st_size));
	r = decompress_file(b->fd, 0, UINT64_MAX, b->path, keep, &spool, f);
	fd = r < 0 ? -1 : fcntl(spool.fd, F_DUPFD_CLOEXEC, 0);
	spool_close(&spool);
	if (r < 0 || fd < 0)
		return r < 0 ? r : fail_errno(f, errno, b->path, "cannot read this image");
	close(b->fd);
	b->fd = fd;
	return 0;
}

static bool is_compressed(int fd)
{
	struct archive *a = open_tar(fd);
	struct archive_entry *e;
	int status;
	bool compressed = a && next_member(a, &e, &status) && archive_filter_count(a) > 1;

	if (a)
		archive_read_free(a);
	return compressed;
}

int blobs_open(const char *path, int fd, struct blobs *ret, struct fail *f)
{
	struct stat st;
	int r;

	*ret = (struct blobs){ .path = path, .fd = fd };
	ret->is_directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	if (ret->is_directory)
		return 0;
	r = is_compressed(ret->fd) ? unpack_whole(ret, f) : 0;
	if (r == 0)
		r = read_list(ret, f);
	if (r < 0)
		blobs_close(ret);
	return r;
}

void blobs_close(struct blobs *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->list[i].name);
		free(b->list[i].target);
	}
	free(b->list);
	cleanup_close(&b->fd);
	*b = (struct blobs){ .fd = -1 };
}

static int fail_missing(const struct blobs *b, const char *name, struct fail *f)
{
	return fail_set(f, ENOENT, b->path, "Save the image again.", "%s is missing in it", name);
}

/* Names come from the image: none may lead out of it. */
static bool is_inside(const char *name)
{
	return *name != '/' && strncmp(name, "../", 3) != 0 && !strstr(name, "/../");
}

static const struct blob *find(const struct blobs *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->list[i].name, name) == 0)
			return &b->list[i];
	return NULL;
}

bool blobs_has(const struct blobs *b, const char *name)
{
	if (b->is_directory)
		return is_inside(name) && faccessat(b->fd, name, F_OK, 0) == 0;
	return find(b, name);
}

int blobs_find(const struct blobs *b, const char *name, int *ret_fd, uint64_t *ret_offset,
	       uint64_t *ret_size, struct fail *f)
{
	const struct blob *blob;
	struct stat st;

	if (!is_inside(name))
		return fail_missing(b, name, f);
	if (b->is_directory) {
		*ret_fd = openat(b->fd, name, O_RDONLY | O_CLOEXEC);
		if (*ret_fd < 0)
			return fail_missing(b, name, f);
		*ret_offset = 0;
		*ret_size = fstat(*ret_fd, &st) == 0 ? (uint64_t)st.st_size : 0;
		return 0;
	}
	blob = find(b, name);
	if (blob && blob->target)
		blob = find(b, blob->target);
	if (!blob || blob->target)
		return fail_missing(b, name, f);
	*ret_fd = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
	*ret_offset = blob->offset;
	*ret_size = blob->size;
	return *ret_fd < 0 ? fail_errno(f, errno, b->path, "cannot read it") : 0;
}

char *blobs_read(const struct blobs *b, const char *name, struct fail *f)
{
	_cleanup_close_ int fd = -1;
	uint64_t offset, size;
	char *text;

	if (blobs_find(b, name, &fd, &offset, &size, f) < 0)
		return NULL;
	text = size <= TEXT_MAX ? calloc(1, (size_t)size + 1) : NULL;
	if (text && pread(fd, text, (size_t)size, (off_t)offset) == (ssize_t)size)
		return text;
	free(text);
	fail_set(f, EBADMSG, b->path, "Save the image again.", "%s cannot be read", name);
	return NULL;
}
