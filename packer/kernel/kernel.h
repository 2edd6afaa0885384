/*
 * The kernels of a root: which files are some, and which of them goes beside the image.
 */
#pragma once

#include <stdbool.h>

#include "base/fail.h"
#include "kernel/kernel_image.h"
#include "image/manifest.h"
#include "tree/root_files.h"

struct kernel_file {
	char *path; /* in the root; owned */
	struct kernel_image image;
};

/* Start with {0}. */
struct kernel_list {
	struct kernel_file *files; /* owned */
	size_t n;
};

/* Is this a place where distributions, or the kernel's `make install`, put kernels? path: of a root. */
bool kernel_is_place(const char *path);

/* Is it, by its name, a copy, what a package manager put aside, a rescue system or for debugging? */
bool kernel_is_spare(const char *path);

/* Adds the file at path of the root. -ENOEXEC: it is no kernel. */
int kernel_list_add(struct kernel_list *l, const struct root_files *root, const char *path,
		    struct fail *f);
void kernel_list_free(struct kernel_list *l);

/* The kernel to boot the root with: one for i386 after all others, one that has its modules there before one that has not, then the
 * newest; never a spare one. NULL: there is none. *ret_passed is then a spare one, for a message, or NULL. */
const struct kernel_file *kernel_list_choose(const struct kernel_list *l,
					     const struct root_files *root,
					     const struct kernel_file **ret_passed);

/* Has the root the modules of that release in lib/modules? And in usr/lib/modules, which is another directory where /lib is no link
 * to usr/lib? */
bool kernel_has_modules(const struct root_files *root, const char *release);
bool kernel_has_usr_modules(const struct root_files *root, const char *release);

/* The releases that have modules in lib/modules of the root, the newest first, as many as a manifest has. */
void kernel_find_modules(const struct root_files *root, struct manifest *m);
