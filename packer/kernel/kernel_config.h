/*
 * The configuration of a kernel, wherever it is kept: a file, compressed or not, inside the kernel itself
 * (CONFIG_IKCONFIG), beside it, in a root, or that of the running kernel.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/fail.h"
#include "tree/root_files.h"

struct kernel_config {
	char *text;          /* owned; NULL = none was found */
	char path[PATH_MAX]; /* of the file that it was in */
	char *modules;       /* the modules.dep of that kernel's modules; owned; NULL = not known */
};

/* path: a configuration, a kernel image, a directory (a root, a build tree, a /boot) or "auto", the running one. */
int kernel_config_open(const char *path, struct kernel_config *ret, struct fail *f);

/* That of a release (NULL: the newest) in the root. -ENOENT: the root keeps none. */
int kernel_config_of_root(const struct root_files *root, const char *release,
			  struct kernel_config *ret, struct fail *f);

/* Reads the modules.dep of that release in the root, unless one was read. */
void kernel_config_read_modules(struct kernel_config *c, const struct root_files *root,
				const char *release);

void kernel_config_close(struct kernel_config *c);
