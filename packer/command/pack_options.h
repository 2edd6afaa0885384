/*
 * What `tarboot pack` is asked for: by options, and by a project file with the same names.
 */
#pragma once

#include <stdbool.h>

#include "source/image_list.h"
#include "image/payload_write.h"
#include "root/rules.h"

struct string_list {
	char **strings; /* owned */
	size_t n;
};

struct pack_options {
	const char *root, *out, *kernel; /* kernel: auto, none or a path */
	const char *init;                /* its path in the root; NULL = one of the usual */
	const char *shell;               /* auto, a path, or NULL for none */
	const char *
		modules; /* words as in module_choice.h; "" = keyboards and consoles; NULL = none */
	const char *report;  /* a file to write, NULL = none */
	const char *explain; /* a path in the root; NULL = none */
	const char *uki,
		*cmdline; /* a unified kernel image to write, and the kernel command line in it; NULL = none */
	const char *secureboot_key, *secureboot_cert; /* what it is signed with; NULL = not */
	struct image_choice choice;                   /* of several images in root */
	const struct encode_kind *compress;
	struct encode_settings encode;
	struct string_list overlays, exclude, keep;
	struct string_list trust; /* files of public keys: whose manifests the boot part takes */
	const char *manifest_min; /* of what date at least; NULL = any */
	bool force, dry_run, no_scrub;
	bool stream; /* the boot part can fetch the root */
	bool json;   /* the report goes to standard output; other results are hidden until then */
	bool quiet;  /* results are hidden; with json the report is not */
	long newest; /* time of the newest member, seconds since 1970; later ones get it; LONG_MAX = any */
	struct string_list texts; /* what the strings above point into, when no argument has them */
};

/* Fills o from the arguments. Returns -1 to go on, else the exit code: help was shown, or what is wrong was
 * said. */
int pack_options_parse(int argc, char **argv, struct pack_options *o);

/* Rules for it: what is excluded first, then what is scrubbed. 0 or -ENOMEM. */
int pack_options_rules(const struct pack_options *o, struct rules *ret);

void pack_options_free(struct pack_options *o);
