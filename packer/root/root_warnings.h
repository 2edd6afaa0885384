/*
 * What can be packed as it is and will surprise at boot: warned about, each with what to do.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "tree/root_files.h"

/* About the root directory: everybody must be able to enter it, and only root may change it. */
void root_warn_of_directory(unsigned mode, uid_t uid);

/* About an ssh server without host keys, where nothing creates them at boot, as in Debian: it would not start. packed:
 * what goes into the image. */
void root_warn_of_ssh_keys(const struct root_files *packed);

/* About the text of an etc/resolv.conf that is a file: machines elsewhere may not reach its servers. */
void root_warn_of_name_servers(const char *text, size_t size);
