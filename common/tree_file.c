/*
 * Regular files of the tree: filled and completed by any thread.
 */
#include "tree_internal.h"

#include <errno.h>
#include <string.h>

/* Kept for the next file when done with: the threads that release files must not go to malloc,
 * which in musl is 60 times slower under two threads. */
struct tree_file {
	struct tree_file *next; /* in the tree's spare list; under its lock */
	struct tree *tree;
	_Atomic unsigned holders;
	_Atomic bool bad; /* some holder could not do its part */
	int fd;
	uint64_t size;
	struct metadata meta;
	char *path; /* for messages; owned */
	size_t path_room;
};

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

	pthread_mutex_lock(&t->lock);
	file->next = t->spare;
	t->spare = file;
	pthread_mutex_unlock(&t->lock);
}

static int set_path(struct tree_file *file, const char *path)
{
	size_t need = strlen(path) + 1;

	if (need > file->path_room) {
		free(file->path);
		file->path_room = 0;
		file->path = malloc(need * 2);
		if (!file->path)
			return -ENOMEM;
		file->path_room = need * 2;
	}
	memcpy(file->path, path, need);
	return 0;
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
	if (set_path(file, m->path) < 0 || tree_metadata_copy(m, &file->meta) < 0) {
		close(fd);
		put_spare(file);
		return -ENOMEM;
	}
	*ret = file;
	return 0;
}

int tree_file_write(struct tree_file *file, const void *data, size_t size, uint64_t offset,
		    struct fail *f)
{
	const char *at = data;
	ssize_t n;

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

/* A file that ends in a hole is longer than what was written. */
static int complete_file(struct tree_file *file)
{
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size != file->size && ftruncate(file->fd, (off_t)file->size) < 0)
		return -errno;
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
		free(file->path);
		free(file);
	}
}
