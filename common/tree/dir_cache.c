/* Directories kept open along a path. */
#include "tree/dir_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/inroot.h"
#include "base/util.h"

void dir_cache_init(struct dir_cache *t, int root_fd)
{
	*t = (struct dir_cache){ .root_fd = root_fd, .elsewhere = -1 };
	t->rules.is_root = geteuid() == 0;
	t->rules.look_for_acls = fgetxattr(root_fd, ACL_XATTR_DEFAULT, NULL, 0) > 0;
}

/* Leaves and closes all directories but the first n. */
static int cut_to(struct dir_cache *t, unsigned n)
{
	int r = 0, last;

	for (; t->n > n; t->n--) {
		last = dirstate_leave(&t->states[t->n], t->fds[t->n - 1]);
		close(t->fds[t->n - 1]);
		r = r < 0 ? r : last;
	}
	return r;
}

static int leave_cached(struct dir_cache *t)
{
	int r = cut_to(t, 0), last = dirstate_leave(&t->states[0], t->root_fd);

	return r < 0 ? r : last;
}

static int leave_elsewhere(struct dir_cache *t)
{
	int r = 0;

	if (t->elsewhere >= 0)
		r = dirstate_leave(&t->elsewhere_state, t->elsewhere);
	cleanup_close(&t->elsewhere);
	t->elsewhere = -1;
	return r;
}

static int directory_at(const struct dir_cache *t, unsigned n)
{
	return n ? t->fds[n - 1] : t->root_fd;
}

/* Is component number n of the cached path this one? */
static bool is_here(const struct dir_cache *t, unsigned n, const char *name, size_t length)
{
	size_t start = n ? t->ends[n - 1] + 1 : 0;

	return n < t->n && t->ends[n] - start == length &&
	       memcmp(t->path + start, name, length) == 0;
}

static int make_directory(const struct dir_cache *t, int dir_fd, const char *name)
{
	int r = inroot_make_directory(NULL, dir_fd, name);

	return r == 0 && t->made ? t->made(t->made_arg, dir_fd, name) : r;
}

/* Opens one more directory behind the first n. -ENOTDIR or -ELOOP: it is a link, perhaps to one. */
static int step(struct dir_cache *t, unsigned n, const char *component, size_t length, bool create)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	size_t start = n ? t->ends[n - 1] + 1 : 0;
	char name[NAME_MAX + 1];
	int fd, dir = directory_at(t, n), r = cut_to(t, n);

	if (r < 0)
		return r;
	if (n == DIR_CACHE_MAX || start + length >= sizeof(t->path))
		return -ELOOP;
	memcpy(name, component, length);
	name[length] = '\0';
	fd = openat(dir, name, flags);
	if (fd < 0 && errno == ENOENT && create) {
		r = make_directory(t, dir, name);
		if (r < 0)
			return r;
		fd = openat(dir, name, flags);
	}
	if (fd < 0)
		return -errno;
	if (n)
		t->path[start - 1] = '/';
	memcpy(t->path + start, name, length);
	t->fds[n] = fd;
	t->ends[n] = start + length;
	t->n = n + 1;
	return dirstate_enter(&t->states[t->n], fd, &t->rules);
}

/* Paths that the cache cannot serve: they have "." or ".." (but for "./" at the start), end in a slash
 * that is not behind a name, or have a component that is too long. */
static bool is_plain(const char *path)
{
	size_t length;

	for (; *path; path += length) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length > NAME_MAX || (length == 1 && path[0] == '.') ||
		    (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
	}
	return true;
}

/* Follows path along the cached one up to its last component. */
static int follow(struct dir_cache *t, const char *path, bool create, char name[NAME_MAX + 1])
{
	size_t length;
	int r = dirstate_enter(&t->states[0], t->root_fd, &t->rules);

	if (r < 0)
		return r;
	for (t->at = 0;; t->at++) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (path[length + strspn(path + length, "/")] == '\0')
			break;
		r = is_here(t, t->at, path, length) ? 0 : step(t, t->at, path, length, create);
		if (r < 0)
			return r;
		path += length;
	}
	memcpy(name, path, length);
	name[length] = '\0';
	return directory_at(t, t->at);
}

/* A directory that is missing on a way that is not in the cache. */
static int make_elsewhere(void *arg, int dir_fd, const char *name)
{
	const struct dir_cache *t = arg;
	struct dirstate state = { 0 };
	int r = dirstate_enter(&state, dir_fd, &t->rules), last;

	if (r == 0)
		r = make_directory(t, dir_fd, name);
	last = dirstate_leave(&state, dir_fd);
	return r < 0 ? r : last;
}

static int go_elsewhere(struct dir_cache *t, const char *path, bool create, char name[NAME_MAX + 1])
{
	int r = leave_cached(t);

	if (r == 0)
		r = inroot_open_parent(t->root_fd, path, create ? make_elsewhere : NULL, t,
				       &t->elsewhere, name, t->elsewhere_path);
	if (r == 0)
		r = dirstate_enter(&t->elsewhere_state, t->elsewhere, &t->rules);
	return r < 0 ? r : t->elsewhere;
}

int dir_cache_open_parent(struct dir_cache *t, const char *path, bool create,
			  char name[NAME_MAX + 1])
{
	const char *plain = path;
	int r = leave_elsewhere(t);

	if (r == 0 && t->stale)
		r = cut_to(t, 0);
	t->stale = false;
	if (r < 0)
		return r;
	while (plain[0] == '.' && plain[1] == '/')
		plain += 1 + strspn(plain + 1, "/");
	if (*plain && is_plain(plain)) {
		r = follow(t, plain, create, name);
		if (r != -ENOTDIR && r != -ELOOP)
			return r;
	}
	return go_elsewhere(t, path, create, name);
}

const char *dir_cache_path(const struct dir_cache *t, size_t *ret_length)
{
	if (t->elsewhere >= 0) {
		*ret_length = strlen(t->elsewhere_path);
		return t->elsewhere_path;
	}
	*ret_length = t->at ? t->ends[t->at - 1] : 0;
	return t->path;
}

int dir_cache_leave(struct dir_cache *t, bool parent_too)
{
	if (t->elsewhere < 0)
		return parent_too ? leave_cached(t) : cut_to(t, t->at);
	return parent_too ? dirstate_leave(&t->elsewhere_state, t->elsewhere) : 0;
}

void dir_cache_look_for_acls(struct dir_cache *t)
{
	t->rules.look_for_acls = true;
}

void dir_cache_forget(struct dir_cache *t)
{
	t->stale = true;
}

int dir_cache_finish(struct dir_cache *t)
{
	int r = leave_elsewhere(t), last = leave_cached(t);

	return r < 0 ? r : last;
}

void dir_cache_close(struct dir_cache *t)
{
	dirstate_forget(&t->elsewhere_state);
	cleanup_close(&t->elsewhere);
	t->elsewhere = -1;
	for (; t->n > 0; t->n--) {
		dirstate_forget(&t->states[t->n]);
		close(t->fds[t->n - 1]);
	}
	dirstate_forget(&t->states[0]);
}
