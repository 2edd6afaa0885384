/* Data is read when its turn comes. */
#include "image/rootfs_write.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "root/rootfs_walk.h"
#include "base/print.h"

struct writing {
	struct rootfs *fs;
	struct payload_writer *w;
	time_t newest;
	const struct rootfs_progress *progress;
	uint64_t done;             /* bytes of files */
	char target[2 * PATH_MAX]; /* of a link */
};

static void describe(const struct writing *w, const struct root_name *n, const char *path,
		     const struct inode *i, struct member *ret)
{
	*ret = (struct member){
		.type = (enum member_type)n->type,
		.path = *path ? path : ".",
		.size = i->size,
		.mode = i->mode,
		.uid = i->uid,
		.gid = i->gid,
		.mtime = i->mtime,
		.rdev = i->rdev,
		.xattrs = i->xattrs,
	};
	if (ret->mtime.tv_sec >= w->newest)
		ret->mtime = (struct timespec){ .tv_sec = w->newest };
}

/* Somebody wrote to it since it was described: its data may be of two times. */
static void warn_if_changed(const struct writing *w, const struct inode *i, const char *path)
{
	struct stat st;

	if (i->data.kind != FILE_DATA_HOST || fstat(w->fs->reader.fd, &st) < 0 ||
	    (st.st_mtim.tv_sec == i->mtime.tv_sec && st.st_mtim.tv_nsec == i->mtime.tv_nsec &&
	     (uint64_t)st.st_size == i->size))
		return;
	print_warning(
		"/%s was written to while the root was packed: pack it again when nobody writes "
		"to it",
		path);
}

static int write_data(struct writing *w, const struct inode *i, const struct member *m,
		      struct fail *f)
{
	struct file_reader *reader = &w->fs->reader;
	const void *data;
	uint64_t offset;
	size_t size;
	int r = payload_writer_add(w->w, m, reader->extents, reader->n_extents, f);

	while (r >= 0 && (r = file_reader_next(reader, &data, &size, &offset, f)) > 0) {
		r = payload_writer_data(w->w, data, size, offset, f);
		w->done += size;
		print_progress(w->progress->doing, w->done, w->progress->bytes);
	}
	w->done += m->size - reader->done; /* holes */
	if (r == 0)
		warn_if_changed(w, i, m->path);
	return r;
}

static int write_name(void *arg, struct root_name *n, const char *path, struct fail *f)
{
	struct writing *w = arg;
	struct inode *i = rootfs_inode(w->fs, n);
	struct member m;
	int r;

	if (n->mark != 0 || i->is_implied)
		return 0;
	describe(w, n, path, i, &m);
	if (i->first) {
		root_name_path(i->first, w->target);
		m.type = MEMBER_HARDLINK;
		m.target = w->target;
		m.size = 0;
		m.xattrs = (struct xattrs){ 0 };
		return payload_writer_add(w->w, &m, NULL, 0, f);
	}
	if (i->names > 1)
		i->first = n;
	if (n->type == MEMBER_SYMLINK) {
		memcpy(w->target, n->is.link->text, n->is.link->length);
		w->target[n->is.link->length] = '\0';
		m.target = w->target;
	}
	if (n->type != MEMBER_FILE || i->size == 0)
		return payload_writer_add(w->w, &m, NULL, 0, f);
	r = file_reader_open(&w->fs->reader, &i->data, i->size, m.path, f);
	return r == 0 ? write_data(w, i, &m, f) : r;
}

int rootfs_write(struct rootfs *fs, struct payload_writer *writer, time_t newest,
		 const struct rootfs_progress *progress, struct fail *f)
{
	struct writing w = { .fs = fs, .w = writer, .newest = newest, .progress = progress };
	int r = rootfs_walk(root_tree_root(fs->tree), write_name, &w, f);

	print_progress_end();
	return r;
}
