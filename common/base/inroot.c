/*
 * A walk by descriptors. Where ".." leads is told by comparing inodes, so no stack of descriptors is needed.
 */
#include "base/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path_fd.h"
#include "base/pathwalk.h"
#include "base/util.h"

#define DIRECTORY_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct place {
	dev_t dev;
	ino_t ino;
};

struct walk {
	struct pathwalk path; /* first */
	int root_fd;
	int dir_fd;           /* where the walk stands; owned */
	inroot_make_fn *make; /* NULL: nothing is made */
	void *make_arg;
	char real[PATH_MAX];               /* of dir_fd, without links */
	size_t depth;                      /* components of it */
	struct place places[PATH_MAX / 2]; /* those of real: below the root, down to dir_fd */
};

static int enter(struct walk *w, int fd)
{
	if (fd < 0)
		return -errno;
	close(w->dir_fd);
	w->dir_fd = fd;
	return 0;
}

static int enter_root(struct walk *w)
{
	*w->real = '\0';
	w->depth = 0;
	return enter(w, fcntl(w->root_fd, F_DUPFD_CLOEXEC, 0));
}

static int read_place(const struct walk *w, struct place *ret)
{
	struct stat st;

	if (fstat(w->dir_fd, &st) < 0)
		return -errno;
	*ret = (struct place){ st.st_dev, st.st_ino };
	return 0;
}

/* Remembers the directory that was entered: see enter_above. */
static int note_here(struct walk *w)
{
	return read_place(w, &w->places[w->depth++]);
}

/* Another process may have moved the directory that the walk stands in: then its ".." leads to where it is now, perhaps
 * out of the root. So it must be the directory that the walk came from. */
static int enter_above(struct pathwalk *path)
{
	struct walk *w = (struct walk *)path;
	const struct place *from;
	struct place here;
	int r;

	if (w->depth <= 1)
		return enter_root(w);
	r = enter(w, openat(w->dir_fd, "..", DIRECTORY_FLAGS));
	if (r == 0)
		r = read_place(w, &here);
	if (r < 0)
		return r;
	*strrchr(w->real, '/') = '\0';
	from = &w->places[--w->depth - 1];
	return here.dev == from->dev && here.ino == from->ino ? 0 : -ESTALE;
}

/* Puts the target of the link called name in front of the rest. -EINVAL: name is no link. */
static int follow(struct walk *w, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(w->dir_fd, name, target, sizeof(target));
	int r;

	if (length < 0)
		return -errno;
	if (length == (ssize_t)sizeof(target))
		return -ENAMETOOLONG;
	r = pathwalk_follow(&w->path, target, (size_t)length);
	return r == 0 && target[0] == '/' ? enter_root(w) : r;
}

static int append_real(struct walk *w, const char *name)
{
	size_t used = strlen(w->real), length = strlen(name);

	if (used + length + 2 > sizeof(w->real))
		return -ENAMETOOLONG;
	if (used)
		w->real[used++] = '/';
	memcpy(w->real + used, name, length + 1);
	return 0;
}

/* mkdirat's mode would be cut by the umask, and fchmodat would follow a link that another process put there. */
int inroot_make_directory(void *arg, int dir_fd, const char *name)
{
	_cleanup_close_ int fd = -1;

	(void)arg;
	if (mkdirat(dir_fd, name, 0755) < 0)
		return -errno;
	fd = openat(dir_fd, name, DIRECTORY_FLAGS);
	if (fd < 0)
		return errno == ENOTDIR ? -ESTALE : -errno;
	return path_fd_chmod(fd, 0755);
}

static int enter_component(struct pathwalk *path, const char *name)
{
	struct walk *w = (struct walk *)path;
	int r = enter(w, openat(w->dir_fd, name, DIRECTORY_FLAGS));

	if (r == -ENOENT && w->make) {
		r = w->make(w->make_arg, w->dir_fd, name);
		if (r == 0)
			r = enter(w, openat(w->dir_fd, name, DIRECTORY_FLAGS));
	}
	if (r == 0)
		r = append_real(w, name);
	if (r == 0)
		return note_here(w);
	if (r != -ENOTDIR && r != -ELOOP)
		return r;
	r = follow(w, name);
	return r == -EINVAL ? -ENOTDIR : r;
}

static int walk_start(struct walk *w, int root_fd, const char *path)
{
	w->path.up = enter_above;
	w->path.enter = enter_component;
	w->root_fd = root_fd;
	w->make = NULL;
	*w->real = '\0';
	w->depth = 0;
	w->dir_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	if (w->dir_fd < 0)
		return -errno;
	return pathwalk_start(&w->path, path);
}

int inroot_open_parent(int root_fd, const char *path, inroot_make_fn *make, void *arg, int *ret_fd,
		       char name[NAME_MAX + 1], char real[PATH_MAX])
{
	struct walk w;
	int r = walk_start(&w, root_fd, path);

	w.make = make;
	w.make_arg = arg;
	if (r == 0)
		r = pathwalk_to_last(&w.path, name);
	if (r == 0) {
		*ret_fd = take_fd(&w.dir_fd);
		if (real)
			strcpy(real, w.real);
	}
	cleanup_close(&w.dir_fd);
	return r;
}

/* The loop ends: every round either opens something that is no link or uses up one of PATHWALK_LINKS_MAX. */
int inroot_open(int root_fd, const char *path, int flags)
{
	char name[NAME_MAX + 1];
	struct walk w;
	int fd = -1, r = walk_start(&w, root_fd, path);

	while (r == 0 && fd < 0) {
		r = pathwalk_to_last(&w.path, name);
		if (r < 0)
			break;
		if (!*name)
			strcpy(name, ".");
		r = follow(&w, name);
		if (r != -EINVAL)
			continue;
		fd = openat(w.dir_fd, name,
			    flags | O_NOFOLLOW | O_CLOEXEC |
				    (w.path.must_be_directory ? O_DIRECTORY : 0));
		r = fd < 0 ? -errno : 0;
	}
	cleanup_close(&w.dir_fd);
	return r < 0 ? r : fd;
}

int inroot_open_file(int root_fd, const char *path)
{
	_cleanup_close_ int what = inroot_open(root_fd, path, O_PATH);
	struct stat st;

	if (what < 0)
		return what;
	if (fstat(what, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? inroot_open(root_fd, path, O_RDONLY) : -ENOENT;
}

bool inroot_path_leaves(const char *path)
{
	size_t length;
	long depth = 0;

	for (;; path += length) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length == 0)
			return false;
		if (length == 2 && memcmp(path, "..", 2) == 0)
			depth--;
		else if (length != 1 || *path != '.')
			depth++;
		if (depth < 0)
			return true;
	}
}
