/* A tar of blobs is read once for where its members lie. */
#include "blobs.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "path.h"
#include "util.h"

#define TEXT_MAX (4 << 20)
#define READ_SIZE (64 << 10)

bool blobs_is_layout(int fd)
{
	return faccessat(fd, "oci-layout", R_OK, 0) == 0 &&
	       faccessat(fd, "index.json", R_OK, 0) == 0;
}

static bool is_index(const char *name)
{
	return strcmp(name, "manifest.json") == 0 || strcmp(name, "index.json") == 0;
}

/* The tar that is open at fd, compressed or not. */
static struct archive *open_tar(int fd)
{
	struct archive *a = archive_read_new();

	if (!a)
		return NULL;
	archive_read_support_format_tar(a);
	archive_read_support_filter_all(a);
	if (lseek(fd, 0, SEEK_SET) == 0 && archive_read_open_fd(a, fd, READ_SIZE) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
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

bool blobs_is_archive(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct archive *a = fd < 0 ? NULL : open_tar(fd);
	struct archive_entry *e;
	bool found = false;

	while (a && !found && archive_read_next_header(a, &e) == ARCHIVE_OK) {
		const char *name = path_in_root(archive_entry_pathname(e));

		if (is_root_name(name))
			break;
		found = is_index(name);
	}
	if (a)
		archive_read_free(a);
	return found;
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
	struct blob *list = realloc(b->list, (b->n + 1) * sizeof(*list)), *blob;
	const char *target = link_target(e);

	if (!list)
		return -ENOMEM;
	b->list = list;
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
		return fail_errno(f, EIO, b->path, "cannot read this image");
	while (r == 0 && (status = archive_read_next_header(a, &e)) == ARCHIVE_OK)
		r = add(b, a, e);
	archive_read_free(a);
	if (r < 0)
		return fail_errno(f, r, b->path, "cannot read this image");
	return status == ARCHIVE_EOF ? 0
				     : fail_set(f, EBADMSG, b->path, "Save the image again.",
						"the archive is damaged or cut short");
}

/* Writes what the archive is without its compression to fd. */
static int unpack(struct archive *raw, const struct blobs *b, int fd, struct fail *f)
{
	struct archive_entry *e;
	const char *text;

	if (archive_read_next_header(raw, &e) == ARCHIVE_OK &&
	    archive_read_data_into_fd(raw, fd) == ARCHIVE_OK)
		return 0;
	text = archive_error_string(raw);
	return fail_set(f, EBADMSG, b->path,
			"Set TMPDIR to a directory with room for the image, or unpack it first.",
			"cannot unpack it: %s", text ? text : "unknown error");
}

/* Blobs are read where they lie in the file: one that is compressed is unpacked first, into a file without a name. */
static int unpack_whole(struct blobs *b, struct fail *f)
{
	const char *directory = getenv("TMPDIR");
	_cleanup_close_ int fd = open(directory && *directory ? directory : "/tmp",
				      O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct archive *raw;
	int r;

	if (fd < 0)
		return fail_errno(f, errno, b->path, "cannot unpack it in TMPDIR");
	raw = archive_read_new();
	if (!raw || archive_read_support_format_raw(raw) < ARCHIVE_WARN ||
	    archive_read_support_filter_all(raw) < ARCHIVE_WARN || lseek(b->fd, 0, SEEK_SET) < 0 ||
	    archive_read_open_fd(raw, b->fd, READ_SIZE) != ARCHIVE_OK)
		r = fail_errno(f, EIO, b->path, "cannot read this image");
	else
		r = unpack(raw, b, fd, f);
	if (raw)
		archive_read_free(raw);
	if (r < 0)
		return r;
	close(b->fd);
	b->fd = take_fd(&fd);
	return 0;
}

static bool is_compressed(int fd)
{
	struct archive *a = open_tar(fd);
	struct archive_entry *e;
	bool compressed = a && archive_read_next_header(a, &e) == ARCHIVE_OK &&
			  archive_filter_count(a) > 1;

	if (a)
		archive_read_free(a);
	return compressed;
}

int blobs_open(const char *path, int fd, struct blobs *ret, struct fail *f)
{
	int r;

	*ret = (struct blobs){ .path = path, .fd = fd, .is_directory = fd >= 0 };
	if (fd >= 0)
		return 0;
	ret->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0)
		return fail_errno(f, errno, path, "cannot open it");
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
