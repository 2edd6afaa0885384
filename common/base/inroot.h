/*
 * Paths that mean something inside a root directory, whoever's root it is: every symbolic link,
 * absolute or not, is followed as a process chrooted there would follow it, and ".." stops at the
 * root. Plain *at() calls since Linux 2.6.39; openat2(RESOLVE_IN_ROOT) would need 5.6.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

/* Makes the directory name in dir_fd. 0 or -errno. */
typedef int inroot_make_fn(void *arg, int dir_fd, const char *name);

/* Opens (O_PATH) the directory that holds the last component of path and copies that component to
 * name; name is "" when path is the root itself. The last component is not looked at, so it may be
 * missing or a symlink. make, unless NULL, is called with arg for directories that are missing on the
 * way. real, unless NULL, gets the directory's path in the root without any link ("" = the root):
 * it stays true when a link on path is changed. Returns 0 and a descriptor that the caller closes;
 * -ENOENT, -ENOTDIR, -ELOOP (more than 40 links), -ENAMETOOLONG, … as the kernel would; -ESTALE: a ".." would have led
 * elsewhere, since another process moved a directory on the way. */
int inroot_open_parent(int root_fd, const char *path, inroot_make_fn *make, void *arg, int *ret_fd,
		       char name[NAME_MAX + 1], char real[PATH_MAX]);

/* Opens path itself with flags (O_CLOEXEC is added), following a link in its last component too.
 * Returns a descriptor or -errno. */
int inroot_open(int root_fd, const char *path, int flags);

/* Opens a regular file to read it. The root says what stands there: -ENOENT for a fifo, on which a read waits for ever,
 * for a device, which may do something as soon as it is opened, and for all else that is no file. */
int inroot_open_file(int root_fd, const char *path);

/* Makes it with mode 0755 whatever the umask. arg is not used. 0 or -errno; -ESTALE: another process has put something else
 * there. */
int inroot_make_directory(void *arg, int dir_fd, const char *name);

/* True when the ".." in path lead above its start, before any link is followed. */
bool inroot_path_leaves(const char *path);
