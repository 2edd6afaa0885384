/*
 * What can be packed as it is and will surprise at boot: warned about, each with what to do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tree/root_files.h"

/* About the root directory: everybody must be able to enter it, and only root may change it. usr: the owner of /usr. */
void root_warn_of_directory(unsigned mode, uid_t uid, uid_t usr);

/* About a directory of a root, or of a layer, on which a file system is mounted that was not read. where: what it is in. */
void root_warn_of_mount(const char *path, const char *where, bool is_of_root);

/* About files whose capabilities are for the user namespace in which that user is root: how many, and the first of them. */
void root_warn_of_capabilities(size_t n, const char *path, unsigned user);

/* About what goes into the image, and the path of its init: an ssh server that would not start, SELinux, a systemd that is
 * not complete, nobody who could log in. */
void root_warn_of_files(const struct root_files *packed, const char *init);

/* About the text of an etc/resolv.conf that is a file: machines elsewhere may not reach its servers. */
void root_warn_of_name_servers(const char *text, size_t size);
