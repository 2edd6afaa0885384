/* Directories kept open along a path. */
#include "trail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "inroot.h"
#include "util.h"

void trail_init(struct trail *t, int root_fd)
{
	t->root_fd = root_fd;
	t->n = t->at = 0;
	t->stale = false;
	t->elsewhere = -1;
}

static void cut_to(struct trail *t, unsigned n)
{
	while (t->n > n)
		close(t->fds[--t->n]);
}

static int directory_at(const struct trail *t, unsigned n)
{
	return n ? t->fds[n - 1] : t->root_fd;
}

/* Is component number n of the trail this one? */
static bool is_here(const struct trail *t, unsigned n, const char *name, size_t length)
{
	size_t start = n ? t->ends[n - 1] + 1 : 0;

	return n < t->n && t->ends[n] - start == length &&
	       memcmp(t->path + start, name, length) == 0;
}

/* Opens one more directory behind the first n. -ENOTDIR or -ELOOP: it is a link, perhaps to one. */
static int step(struct trail *t, unsigned n, const char *component, size_t length, bool create)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	size_t start = n ? t->ends[n - 1] + 1 : 0;
	char name[NAME_MAX + 1];
	int r, fd, dir = directory_at(t, n);

	cut_to(t, n);
	if (n == TRAIL_MAX || start + length >= sizeof(t->path))
		return -ELOOP;
	memcpy(name, component, length);
	name[length] = '\0';
	fd = openat(dir, name, flags);
	if (fd < 0 && errno == ENOENT && create) {
		r = inroot_make_directory(dir, name);
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
	return 0;
}

/* Paths that the trail cannot serve: they have "." or ".." (but for "./" at the start), end in a slash
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

/* Follows path along the trail up to its last component. */
static int follow(struct trail *t, const char *path, bool create, char name[NAME_MAX + 1])
{
	size_t length;
	int r;

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

int trail_open_parent(struct trail *t, const char *path, bool create, char name[NAME_MAX + 1])
{
	const char *plain = path;
	int r;

	cleanup_close(&t->elsewhere);
	t->elsewhere = -1;
	if (t->stale)
		cut_to(t, 0);
	t->stale = false;
	while (plain[0] == '.' && plain[1] == '/')
		plain += 1 + strspn(plain + 1, "/");
	if (*plain && is_plain(plain)) {
		r = follow(t, plain, create, name);
		if (r != -ENOTDIR && r != -ELOOP)
			return r;
	}
	r = inroot_open_parent(t->root_fd, path, create, &t->elsewhere, name, t->elsewhere_path);
	return r < 0 ? r : t->elsewhere;
}

const char *trail_path(const struct trail *t, size_t *ret_length)
{
	if (t->elsewhere >= 0) {
		*ret_length = strlen(t->elsewhere_path);
		return t->elsewhere_path;
	}
	*ret_length = t->at ? t->ends[t->at - 1] : 0;
	return t->path;
}

void trail_forget(struct trail *t)
{
	t->stale = true;
}

void trail_close(struct trail *t)
{
	cleanup_close(&t->elsewhere);
	t->elsewhere = -1;
	cut_to(t, 0);
}
