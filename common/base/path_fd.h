/*
 * Descriptors of names (O_PATH). Such a one stays with its inode, whatever another process puts under the name meanwhile.
 */
#pragma once

#include <sys/types.h>

/* Sets the mode of what fd is, which must be no symlink. 0 or -errno; -EOPNOTSUPP: it is no directory, and there is no
 * /proc. */
int path_fd_chmod(int fd, mode_t mode);
