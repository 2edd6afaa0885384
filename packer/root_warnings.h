/*
 * What can be packed as it is and will surprise at boot: warned about, each with what to do.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* About the root directory: everybody must be able to enter it, and only root may change it. */
void root_warn_of_directory(unsigned mode, uid_t uid);

/* About the text of an etc/resolv.conf that is a file: machines elsewhere may not reach its servers. */
void root_warn_of_name_servers(const char *text, size_t size);
