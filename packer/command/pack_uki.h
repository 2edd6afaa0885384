/*
 * The unified kernel image that `tarboot pack --uki` writes beside an image.
 */
#pragma once

#include "base/out.h"
#include "command/pack_options.h"
#include "image/uki_stub.h"
#include "kernel/pack_kernel.h"
#include "tree/root_files.h"

struct pack_uki {
	struct out out; /* what is written, signed if it is to be */
	struct uki_stub stub;
	uint64_t size;
	bool is_wanted;
};

/* What goes in. */
struct pack_uki_parts {
	const struct root_files *root;
	const struct pack_kernel *kernel; /* copied */
	int image;                        /* a descriptor */
	uint64_t image_size;              /* of it, what goes in: all, or the boot part */
};

/* What would fail only after the work: options, keys, tools. */
int pack_uki_check(const struct pack_options *o, struct fail *f);

/* Finds the stub for the root's machine (of ELF), and whether there is a kernel that goes with it: one that was read. */
int pack_uki_open(struct pack_uki *u, const struct pack_options *o, const struct root_files *root,
		  uint16_t machine, const struct pack_kernel *kernel, struct fail *f);

/* Writes and signs it; pack_uki_commit() gives it its name. Both do nothing when none is wanted. */
int pack_uki_write(struct pack_uki *u, const struct pack_options *o,
		   const struct pack_uki_parts *parts, struct fail *f);
int pack_uki_commit(struct pack_uki *u, struct fail *f);

/* Says what it is, and what whoever boots it must know. */
void pack_uki_print(const struct pack_uki *u, const struct pack_options *o);

void pack_uki_close(struct pack_uki *u);
