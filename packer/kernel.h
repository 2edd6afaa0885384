/*
 * The kernel of a root, noticed while its members go by: which file is a kernel, which releases have
 * modules, which kernel goes beside the image.
 */
#pragma once

#include <stdbool.h>

#include "fail.h"
#include "manifest.h"
#include "out.h"
#include "source.h"

struct kernel_choice {
	const char *setting;  /* "auto", "none" or a path on the host */
	const char *out_path; /* where the kernel goes */
	char release[64];     /* of the kernel taken so far; "" = none */
	struct out out;
};

/* Copies the release of a kernel image's path (boot/vmlinuz-REL, lib/modules/REL/vmlinuz) to
 * release. False for any other path. */
bool kernel_release_of_image(const char *path, char release[64]);

/* Notes a directory of modules in m->kernels. */
void kernel_note_modules(const char *path, struct manifest *m);

/* Looks at a member before it is packed. Returns 1 when it is a kernel image that stays out of the
 * payload (its data was then read) or another name of one, 0 when it is to be packed, -errno. */
int kernel_take(struct kernel_choice *k, struct source *s, const struct source_member *member,
		struct fail *f);

/* The ELF machine of the kernel image open at fd; 0 = it does not say, as one that is compressed as a whole. */
uint16_t kernel_machine_of_file(int fd);

/* Copies a kernel of the host, when the setting names one. */
int kernel_copy_from_host(struct kernel_choice *k, struct fail *f);

/* Brings the chosen kernel to its place. *ret_written: there is one. */
int kernel_finish(struct kernel_choice *k, bool *ret_written, struct fail *f);
