/*
 * Does a kernel have what tarboot needs? Its configuration against the fragments in kconfig/, which are a part of this
 * program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "kernel/kconfig.h"

/* KERNEL_UNNEEDED: the version or the architecture has no such symbol. */
enum kernel_has { KERNEL_MISSING, KERNEL_MODULE, KERNEL_BUILT_IN, KERNEL_UNNEEDED };

struct kernel_finding {
	const char *fragment;
	struct kconfig_need need;
	enum kernel_has has;
	const char *place; /* of a module: "in the image", "in the root"…; NULL = nobody looked */
};

struct kernel_check {
	struct kernel_finding *findings; /* owned; fragment by fragment */
	size_t n;
	char release[32];         /* of Linux; "" = not known */
	const char *architecture; /* NULL = one that tarboot does not know */
};

/* The modules.dep of the image and of the root; NULL = not known. */
struct kernel_modules {
	const char *image, *root;
};

/* Are these the names of fragments, with commas between? NULL = all. */
bool kernel_check_knows(const char *only);

/* Compares, with those fragments. 0 or -ENOMEM; ret is to be freed either way. */
int kernel_check(const char *config, const struct kernel_modules *modules, const char *only,
		 struct kernel_check *ret);
void kernel_check_free(struct kernel_check *c);

/* How many are missing, of the required or of the others. */
size_t kernel_check_missing(const struct kernel_check *c, bool required);

/* For pack, of KERNEL_CHECK_BOOT: a warning for each that is required and missing, and a line about the rest. */
#define KERNEL_CHECK_BOOT "tarboot,recommended,x86_64,aarch64"
void kernel_check_warn(const struct kernel_check *c, const char *path);

/* All findings, or the missing ones, as lines; and as JSON, path being that of the configuration. */
void kernel_check_print(const struct kernel_check *c, bool only_missing, FILE *out);
void kernel_check_json(const struct kernel_check *c, const char *path, FILE *out);
