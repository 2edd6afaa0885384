/* Modes of inodes that are not open for more. */
#include "base/path_fd.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* fchmod takes no O_PATH descriptor, and fchmodat none without a name before Linux 6.6. "." cannot be looked up in what
 * is no directory, nor in one without search permission. */
int path_fd_chmod(int fd, mode_t mode)
{
	char path[32];

	if (fchmodat(fd, ".", mode, 0) == 0)
		return 0;
	if (errno != ENOTDIR && errno != EACCES)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, mode) == 0)
		return 0;
	return errno == ENOENT ? -EOPNOTSUPP : -errno;
}
