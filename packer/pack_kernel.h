/*
 * The kernel that goes beside an image: found in the root while its members go by, or taken from the host, and written
 * aside until the image is.
 */
#pragma once

#include "kernel.h"
#include "out.h"
#include "sketch.h"
#include "source.h"

struct pack_kernel {
	const char *setting; /* "auto", "none" or a path on the host */
	char *path;          /* where the kernel goes; owned */
	bool was_there;      /* an older one is at that place */
	struct kernel_list found;
	struct kernel_image image; /* of the one that was chosen */
	struct out out;            /* the same; out.temporary NULL: there is none */
};

/* out: the path of the image; NULL = none is written. setting stays the caller's. */
int pack_kernel_open(struct pack_kernel *k, const char *setting, const char *out, struct fail *f);
void pack_kernel_close(struct pack_kernel *k);

/* Copies the kernel of the host that the setting names, if it does. */
int pack_kernel_copy(struct pack_kernel *k, struct fail *f);

/* May the file at this path of the root, or this member, be a kernel, by its place? */
bool pack_kernel_is_place(const struct pack_kernel *k, const char *path);
bool pack_kernel_is_candidate(const struct pack_kernel *k, const struct member *m);

/* Reads the data of a candidate, the current member of s, into the sketch. -ENOEXEC: it is no kernel; it is to be
 * packed as any other file, from there. */
int pack_kernel_take(struct pack_kernel *k, struct source *s, struct sketch *sketch,
		     const struct source_member *m, struct fail *f);

/* Is it another name of a kernel that was taken? */
bool pack_kernel_is_name(const struct pack_kernel *k, const struct member *m);

/* Of those that were taken, copies the one to boot the root with, if there is one; or warns. */
int pack_kernel_choose(struct pack_kernel *k, int root_fd, struct fail *f);
