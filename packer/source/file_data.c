/* Files of a directory are opened from it, name by name, so that no link leads out of the root. */
#include "source/file_data.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/util.h"

#define READ_SIZE (1 << 20)
#define WIDENED_MAX \
	(1ULL << 30) /* bytes of holes that may become data, which an archive has to hold */

void file_data_free(struct file_data *d)
{
	switch (d->kind) {
	case FILE_DATA_HOST:
		free(d->at.host.name);
		break;
	case FILE_DATA_SPAN:
		free(d->at.span.map);
		break;
	case FILE_DATA_TEXT:
		free(d->at.text);
		break;
	default:
		break;
	}
	*d = (struct file_data){ 0 };
}

/* ---- the map ---- */

/* The holes behind the last extent that there is room for become data. */
static int widen_last_extent(struct file_reader *r, uint64_t offset, uint64_t size)
{
	struct tar_extent *last = &r->extents[r->n_extents - 1];

	r->widened += offset - last->offset - last->size;
	if (r->widened > WIDENED_MAX)
		return -EFBIG;
	last->size = offset + size - last->offset;
	return 0;
}

static int add_extent(struct file_reader *r, uint64_t offset, uint64_t size)
{
	if (r->n_extents >= FILE_EXTENTS_MAX && size > 0)
		return widen_last_extent(r, offset, size);
	if (r->n_extents == r->room) {
		size_t room = r->room ? r->room * 2 : 16;
		struct tar_extent *extents = realloc(r->extents, room * sizeof(*extents));

		if (!extents)
			return -ENOMEM;
		r->extents = extents;
		r->room = room;
	}
	r->extents[r->n_extents++] = (struct tar_extent){ offset, size };
	return 0;
}

static int copy_map(struct file_reader *r, const struct file_map *map)
{
	int result = 0;

	for (size_t i = 0; result == 0 && map && i < map->n; i++)
		result = add_extent(r, map->extents[i].offset, map->extents[i].size);
	return result;
}

/* What is data and what is hole. File systems that cannot tell say that all is data. */
static int map_file(struct file_reader *r, const struct stat *st)
{
	off_t data, hole = 0, size = (off_t)r->size;
	int result;

	if ((uint64_t)st->st_blocks * 512 >= r->size)
		return 0;
	while (hole < size) {
		data = lseek(r->fd, hole, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return errno == EINVAL ? 0 : -errno;
		if (data < 0 || data >= size)
			break;
		hole = lseek(r->fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		hole = hole > size ? size : hole; /* it has grown */
		if (data == 0 && hole >= size)
			return 0;
		result = add_extent(r, (uint64_t)data, (uint64_t)(hole - data));
		if (result < 0)
			return result;
	}
	/* The end of a file that ends in a hole. */
	return hole < size ? add_extent(r, r->size, 0) : 0;
}

/* ---- files of this machine ---- */

/* Opens a directory by way of those above it, down from the one that is open. */
static int open_directory(const struct host_directory *d)
{
	const struct host_directory *ways[PATH_MAX / 2 + 1], *up = d;
	_cleanup_close_ int fd = -1;
	size_t n = 0;
	int next;

	for (; up->above; up = up->above) {
		if (n == ARRAY_SIZE(ways))
			return -ENAMETOOLONG;
		ways[n++] = up;
	}
	fd = fcntl(up->fd, F_DUPFD_CLOEXEC, 0);
	while (fd >= 0 && n > 0) {
		next = openat(fd, ways[--n]->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		cleanup_close(&fd);
		fd = next;
	}
	return fd < 0 ? -errno : take_fd(&fd);
}

/* The last directory stays open: most files have the one before in the same. */
static int enter_directory(struct file_reader *r, const struct host_directory *d)
{
	int fd;

	if (r->directory == d)
		return r->directory_fd;
	fd = open_directory(d);
	if (fd < 0)
		return fd;
	if (r->directory)
		close(r->directory_fd);
	r->directory = d;
	r->directory_fd = fd;
	return fd;
}

static int fail_changed(const struct file_reader *r, const char *how, struct fail *f)
{
	return fail_set(f, EIO, r->path, "Pack a root that nobody writes to.",
			"it %s while the root was packed", how);
}

static int open_host(struct file_reader *r, const struct file_data *d, struct fail *f)
{
	int directory = enter_directory(r, d->at.host.directory), result;
	struct stat st;

	r->owns_fd = true;
	if (directory >= 0)
		r->fd = openat(directory, d->at.host.name,
			       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (directory < 0 || r->fd < 0)
		return fail_errno(f, directory < 0 ? directory : errno, r->path, "cannot read it");
	if (fstat(r->fd, &st) < 0)
		return fail_errno(f, errno, r->path, "cannot read it");
	if (!S_ISREG(st.st_mode) || st.st_ino != d->at.host.ino)
		return fail_changed(r, "was replaced", f);
	if ((uint64_t)st.st_size < r->size)
		return fail_changed(r, "became shorter", f);
	result = map_file(r, &st);
	return result < 0 ? fail_errno(f, result, r->path, "cannot hold its map of holes") : 0;
}

/* ---- reading ---- */

static void end_file(struct file_reader *r)
{
	if (r->owns_fd)
		cleanup_close(&r->fd);
	r->owns_fd = false;
	r->fd = -1;
	r->data = NULL;
}

int file_reader_open(struct file_reader *r, const struct file_data *d, uint64_t size,
		     const char *path, struct fail *f)
{
	int result = 0;

	end_file(r);
	if (!r->buffer && !(r->buffer = malloc(READ_SIZE)))
		return fail_errno(f, ENOMEM, path, "cannot read it");
	r->data = d;
	r->path = path;
	r->size = size;
	r->n_extents = r->extent = 0;
	r->offset = r->done = r->widened = 0;
	r->chunk = READ_SIZE;
	if (d->kind == FILE_DATA_HOST)
		return open_host(r, d, f);
	if (d->kind == FILE_DATA_LOST)
		return fail_set(
			f, EINVAL, path,
			"Leave out both or none (--exclude, --keep), or unpack the archive and "
			"pack the directory.",
			"its data is stored under another of its names, which is left out or "
			"emptied");
	if (d->kind == FILE_DATA_SPAN) {
		r->fd = d->at.span.fd;
		result = copy_map(r, d->at.span.map);
	}
	return result < 0 ? fail_errno(f, result, path, "cannot hold its map of holes") : 0;
}

/* Where the next piece is, in the file: the rest of an extent; false at the end. */
static bool next_extent(struct file_reader *r, struct tar_extent *ret)
{
	const struct file_map *map = r->data->kind == FILE_DATA_SPAN ? r->data->at.span.map : NULL;
	struct tar_extent whole = { 0, r->size };
	const struct tar_extent *extents = map ? map->extents : r->n_extents ? r->extents : &whole;
	size_t n = map ? map->n : r->n_extents ? r->n_extents : 1;

	while (r->extent < n && r->offset == extents[r->extent].size) {
		r->extent++;
		r->offset = 0;
	}
	if (r->extent == n)
		return false;
	ret->offset = extents[r->extent].offset + r->offset;
	ret->size = extents[r->extent].size - r->offset;
	return true;
}

int file_reader_next(struct file_reader *r, const void **ret_data, size_t *ret_size,
		     uint64_t *ret_offset, struct fail *f)
{
	bool is_span = r->data->kind == FILE_DATA_SPAN;
	struct tar_extent piece;
	ssize_t n;

	if (!next_extent(r, &piece) || piece.size == 0)
		return 0;
	*ret_data = r->data->kind == FILE_DATA_TEXT ? r->data->at.text + piece.offset : r->buffer;
	if (r->data->kind == FILE_DATA_TEXT) {
		n = (ssize_t)piece.size;
	} else {
		n = pread(r->fd, r->buffer, (size_t)min_u64(piece.size, r->chunk),
			  (off_t)(is_span ? r->data->at.span.offset + r->done : piece.offset));
		if (n < 0)
			return fail_errno(f, errno, r->path, "cannot read it");
		if (n == 0)
			return fail_changed(r, "became shorter", f);
	}
	r->offset += (uint64_t)n;
	r->done += (uint64_t)n;
	*ret_size = (size_t)n;
	*ret_offset = piece.offset;
	return 1;
}

void file_reader_close(struct file_reader *r)
{
	end_file(r);
	if (r->directory)
		close(r->directory_fd);
	r->directory = NULL;
	free(r->extents);
	free(r->buffer);
}

ssize_t file_reader_head(struct file_reader *r, const struct file_data *d, uint64_t size,
			 const char *path, void *ret, size_t room, struct fail *f)
{
	size_t want = (size_t)min_u64(size, room), n;
	const void *data;
	uint64_t offset;
	int result = file_reader_open(r, d, size, path, f);

	memset(ret, 0, want);
	r->chunk = want < READ_SIZE ? want : READ_SIZE;
	while (result >= 0 && (result = file_reader_next(r, &data, &n, &offset, f)) > 0 &&
	       offset < want)
		memcpy((char *)ret + offset, data, n < want - offset ? n : want - (size_t)offset);
	return result < 0 ? result : (ssize_t)want;
}

static int write_at(int fd, const char *data, size_t size, uint64_t offset)
{
	ssize_t n;

	for (; size > 0; data += n, size -= (size_t)n, offset += (uint64_t)n) {
		n = pwrite(fd, data, size, (off_t)offset);
		if (n < 0)
			return -errno;
	}
	return 0;
}

int file_reader_descriptor(struct file_reader *r, const struct file_data *d, uint64_t size,
			   uint64_t most, const char *path, struct fail *f)
{
	_cleanup_close_ int fd = -1;
	const void *data;
	uint64_t offset;
	size_t n;
	int result = file_reader_open(r, d, size, path, f);

	if (result == 0 && d->kind == FILE_DATA_HOST) {
		r->owns_fd = false;
		(void)lseek(r->fd, 0, SEEK_SET); /* the search for holes has moved it */
		return take_fd(&r->fd);
	}
	most = min_u64(size, most);
	r->chunk = (size_t)min_u64(most, READ_SIZE);
	fd = result < 0 ? -1 : memfd_create("tarboot", MFD_CLOEXEC);
	if (result == 0 && (fd < 0 || ftruncate(fd, (off_t)most) < 0))
		return fail_errno(f, errno, path, "cannot hold it");
	while (result >= 0 && (result = file_reader_next(r, &data, &n, &offset, f)) > 0 &&
	       offset < most) {
		result = write_at(fd, data, (size_t)min_u64(n, most - offset), offset);
		if (result < 0)
			return fail_errno(f, result, path, "cannot hold it");
	}
	return result < 0 ? result : take_fd(&fd);
}
