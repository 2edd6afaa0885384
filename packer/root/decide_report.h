/*
 * What was decided, on stdout: about one path, about the kernels, about each rule.
 */
#pragma once

#include "root/decide.h"

/* Tells about the one path that was asked for. booted: path of the kernel that the image is booted with, or NULL. -ENOENT:
 * there is no such path. */
int decide_explain(struct decisions *d, const char *booted, struct fail *f);

/* Tells what becomes of a kernel, of size bytes. */
void decide_tell_kernel(const struct decisions *d, const char *path, uint64_t size,
			const char *booted);

/* What each rule kept back, on stdout; warns of patterns that name nothing. */
void decide_print(const struct decisions *d);
