/*
 * Regular files of the tree: filled and completed by any thread.
 */
#include "tree/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

/* Kept for the next file when done with: the threads that release files must not go to malloc,
 * which in musl is 60 times slower under two threads. */
struct tree_file {
	struct tree_file *next; /* in the tree's spare list; under its lock */
	struct tree *tree;
	_Atomic unsigned holders;
	_Atomic bool bad; /* some holder could not do its part */
	_Atomic uint64_t written;
	int fd;
	uint64_t size;
	struct metadata meta;
	size_t waiting;           /* bytes of meta, as counted in the tree */
	char path[FAIL_WHAT_MAX]; /* for messages */
};

/* Attributes of more bytes than that are freed with each file, or a queue of files would keep as many
 * times the largest. */
#define SPARE_XATTRS 512

/* Attributes of all files that are not yet complete, bytes. */
#define WAITING_MAX (1 << 20)

#define PAGE 4096
#define HUGE_PAGE (2 << 20)     /* at least, on all machines */
#define EXCESS (HUGE_PAGE / 16) /* bytes that are worth a look at the whole file */

static struct tree_file *take_spare(struct tree *t)
{
	struct tree_file *file;

	pthread_mutex_lock(&t->lock);
	file = t->spare;
	if (file)
		t->spare = file->next;
	pthread_mutex_unlock(&t->lock);
	return file ? file : calloc(1, sizeof(*file));
}

static void put_spare(struct tree_file *file)
{
	struct tree *t = file->tree;

	if (file->meta.xattrs.room > SPARE_XATTRS)
		xattrs_free(&file->meta.xattrs);
	pthread_mutex_lock(&t->lock);
	t->waiting -= file->waiting;
	file->next = t->spare;
	t->spare = file;
	pthread_mutex_unlock(&t->lock);
}

static void count_waiting(struct tree_file *file)
{
	struct tree *t = file->tree;

	if (file->meta.xattrs.used <= SPARE_XATTRS)
		return;
	file->waiting = file->meta.xattrs.room;
	pthread_mutex_lock(&t->lock);
	t->waiting += file->waiting;
	pthread_mutex_unlock(&t->lock);
}

bool tree_must_wait(struct tree *t)
{
	bool must;

	pthread_mutex_lock(&t->lock);
	must = t->waiting > WAITING_MAX;
	pthread_mutex_unlock(&t->lock);
	return must;
}

int tree_file_new(struct tree *t, const struct member *m, int fd, struct tree_file **ret)
{
	struct tree_file *file = take_spare(t);

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	file->tree = t;
	file->fd = fd;
	file->size = m->size;
	atomic_store(&file->holders, 1);
	atomic_store(&file->bad, false);
	atomic_store(&file->written, 0);
	file->waiting = 0;
	snprintf(file->path, sizeof(file->path), "%s", m->path);
	if (tree_metadata_copy(m, &file->meta) < 0) {
		close(fd);
		put_spare(file);
		return -ENOMEM;
	}
	count_waiting(file);
	*ret = file;
	return 0;
}

int tree_file_write(struct tree_file *file, const void *data, size_t size, uint64_t offset,
		    struct fail *f)
{
	const char *at = data;
	ssize_t n;

	atomic_fetch_add(&file->written, size);
	while (size > 0) {
		n = pwrite(file->fd, at, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return tree_fail(f, n < 0 ? errno : ENOSPC, file->path, "cannot write it");
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

void tree_file_hold(struct tree_file *file)
{
	atomic_fetch_add(&file->holders, 1);
}

/* ---- holes ---- */

static void punch(int fd, off_t from, off_t to)
{
	if (to > from)
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to - from);
}

/* Returns where it came to: to, or less when something cannot be read. */
static off_t give_back_zeros(int fd, off_t from, off_t to)
{
	off_t zeros = from, at = from; /* from zeros on all is zero */
	char page[PAGE];
	ssize_t n = 0;

	for (; at < to; at += n) {
		n = pread(fd, page, sizeof(page), at);
		if (n <= 0)
			break;
		if (is_zero(page, (size_t)n))
			continue;
		punch(fd, zeros, at);
		zeros = at + n;
	}
	punch(fd, zeros, at);
	return at;
}

/* With huge=within_size a tmpfs takes a huge page for any byte of a region that lies in the file, whatever holes are beside it; and as pieces
 * are written in any order, the file may be as long as that. */
static void give_back_holes(int fd)
{
	off_t from = 0, to;

	while ((from = lseek(fd, from, SEEK_DATA)) >= 0) {
		to = lseek(fd, from, SEEK_HOLE);
		if (to <= from || give_back_zeros(fd, from, to) < to)
			return;
		from = to;
	}
}

/* Does a file with holes take clearly more memory than what was written to it? A look for nothing, since many small pieces take a page
 * each, does no harm. */
static bool has_filled_holes(const struct tree_file *file, const struct stat *st)
{
	uint64_t written = atomic_load(&file->written), taken = (uint64_t)st->st_blocks * 512;
	struct statfs fs;

	return written < file->size && taken >= HUGE_PAGE && taken > written + EXCESS &&
	       fstatfs(file->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* ---- the end of a file ---- */

/* A file that ends in a hole is longer than what was written. */
static int complete_file(struct tree_file *file)
{
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size != file->size && ftruncate(file->fd, (off_t)file->size) < 0)
		return -errno;
	if (has_filled_holes(file, &st))
		give_back_holes(file->fd);
	return tree_metadata_apply(file->tree, file->fd, &st, &file->meta);
}

int tree_file_release(struct tree_file *file, bool good, struct fail *f)
{
	int r = 0;

	if (!good)
		atomic_store(&file->bad, true);
	if (atomic_fetch_sub(&file->holders, 1) > 1)
		return 0;
	if (!atomic_load(&file->bad))
		r = complete_file(file);
	if (close(file->fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		tree_fail(f, r, file->path, "cannot set size, owner, mode, attributes or time");
	put_spare(file);
	return r;
}

void tree_file_free_spare(struct tree *t)
{
	struct tree_file *file;

	while ((file = t->spare)) {
		t->spare = file->next;
		xattrs_free(&file->meta.xattrs);
		free(file);
	}
}
