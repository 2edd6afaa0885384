/*
 * Deletes what is in a directory of the initramfs.
 */
#pragma once

/* All that is in it, not beyond its file system, which must be one in memory; dir_fd is taken over. 0; -ENOTSUP: it is on a disk,
 * and stays; or -errno. */
int empty_directory(int dir_fd);
