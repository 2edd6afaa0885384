#include "base/empty_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/util.h"

#define DEPTH 64 /* initramfs trees are ours */

static void empty(int dir_fd, dev_t dev, unsigned depth)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *e;
	struct stat st;
	int fd;

	if (!dir) {
		close(dir_fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != dev)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0) {
			fd = openat(dir_fd, e->d_name,
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (fd >= 0)
				empty(fd, dev, depth - 1);
		}
		(void)unlinkat(dir_fd, e->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
	}
	closedir(dir);
}

int empty_directory(int dir_fd)
{
	_cleanup_close_ int fd = dir_fd;
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (fs.f_type != RAMFS_MAGIC && fs.f_type != TMPFS_MAGIC)
		return -ENOTSUP;
	empty(take_fd(&fd), st.st_dev, DEPTH);
	return 0;
}
