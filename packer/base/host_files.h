/*
 * Files of the machine that packs: tarboot's /init, the programs beside it, and a busybox for the boot part of an image, and
 * directories that are no longer needed.
 */
#pragma once

#include <stdint.h>

#include "base/fail.h"

/* The /init to put into images for an ELF machine: beside the command in a build tree, else where it was installed.
 * Writes its path to ret. */
int host_find_init(uint16_t machine, char ret[256], struct fail *f);

/* The fetcher, for an image or to run it here, likewise. */
int host_find_fetcher(uint16_t machine, char ret[256], struct fail *f);

/* The program that checks signatures, for an image, likewise. */
int host_find_checker(uint16_t machine, char ret[256], struct fail *f);

/* Can what the setting of host_find_shell() names be read? */
int host_check_shell(const char *setting, struct fail *f);

/* The busybox for shells. setting: "auto" looks for one and warns when there is none, NULL is none, a path must
 * be a static program for the machine. *ret is NULL, static or the setting. */
int host_find_shell(const char *setting, uint16_t machine, const char **ret, struct fail *f);

/* The same for an image that fetches its root, which cannot do without: it has the DHCP client, udhcpc. With NULL one is
 * looked for, too. */
int host_find_dhcp_client(const char *setting, uint16_t machine, const char **ret, struct fail *f);

/* Removes a directory with all that is in it, as far as it can, not beyond its file system. 0, also when there is
 * none, or -errno of the first that stays. */
int host_remove_tree(const char *path);
