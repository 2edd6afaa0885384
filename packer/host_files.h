/*
 * What the boot part of an image takes from the machine that packs: tarboot's /init and a busybox.
 */
#pragma once

#include "fail.h"

/* The /init to put into images: beside the command in a build tree, else where it was installed. Writes its
 * path to ret. */
int host_find_init(char ret[256], struct fail *f);

/* The busybox for shells. setting: "auto" looks for one and warns when there is none, NULL is none, a path must
 * be a static program of this machine's kind. *ret is NULL, static or the setting. */
int host_find_shell(const char *setting, const char **ret, struct fail *f);
