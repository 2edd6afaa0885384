/* A directory as a root. */
#include "tree/root_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/inroot.h"
#include "base/read_all.h"
#include "base/util.h"

static int stat_file(const struct root_files *r, const char *path, struct stat *ret)
{
	_cleanup_close_ int fd = inroot_open(r->fd, path, O_PATH);

	if (fd < 0)
		return fd;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

static int open_file(const struct root_files *r, const char *path, uint64_t max)
{
	(void)max;
	return inroot_open_file(r->fd, path);
}

static int list_directory(const struct root_files *r, const char *path,
			  int (*found)(void *arg, const char *name, bool is_directory), void *arg)
{
	int fd = inroot_open(r->fd, path, O_RDONLY | O_DIRECTORY), result = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!dir) {
		result = fd < 0 ? fd : -errno;
		cleanup_close(&fd);
		return result;
	}
	while (result == 0 && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			result = found(arg, e->d_name,
				       fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
						       0 &&
					       S_ISDIR(st.st_mode));
	closedir(dir);
	return result;
}

static int read_link(const struct root_files *r, const char *path, char *ret, size_t size)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_MAX + 1];
	int result = inroot_open_parent(r->fd, path, NULL, NULL, &fd, name, NULL);
	ssize_t n;

	if (result < 0)
		return result;
	n = readlinkat(fd, name, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

struct root_files root_files_at(int fd)
{
	return (struct root_files){ stat_file, open_file, list_directory, read_link, fd };
}

bool root_files_has(const struct root_files *r, const char *path)
{
	struct stat st;

	return r->stat(r, path, &st) == 0;
}

bool root_files_has_directory(const struct root_files *r, const char *path)
{
	struct stat st;

	return r->stat(r, path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool root_files_has_one_of(const struct root_files *r, const char *const *paths)
{
	for (; *paths; paths++)
		if (root_files_has(r, *paths))
			return true;
	return false;
}

char *root_files_read(const struct root_files *r, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t size;
	char *text;

	if (r->stat(r, path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > ROOT_TEXT_MAX)
		return NULL;
	fd = r->open(r, path, ROOT_TEXT_MAX);
	return fd < 0 || read_all(fd, &text, &size) < 0 ? NULL : text;
}
