/*
 * The kernel that goes beside an image: found in the root, or taken from the host, and written aside until the image is. The
 * kernels of the root stay out of the payload, where they would only take memory.
 */
#pragma once

#include "kernel/kernel.h"
#include "base/out.h"
#include "root/rootfs.h"

struct pack_kernel {
	const char *setting; /* "auto", "none" or a path on the host */
	char *path;          /* where the kernel goes; owned */
	bool was_there;      /* an older one is at that place */
	int fd;              /* of the kernel of the host, or of the root's that was chosen; -1 */
	struct kernel_list found;
	const struct kernel_file *best,
		*passed; /* of these, to boot the root with, and see kernel_list_choose() */
	struct kernel_image image; /* of the one that was chosen */
	char *data; /* the same, from pack_kernel_read() to pack_kernel_copy(); owned */
	size_t size;
	struct out out; /* its copy; out.path NULL: there is none */
};

/* out: the path of the image; NULL = none is written. setting stays the caller's. */
int pack_kernel_open(struct pack_kernel *k, const char *setting, const char *out, struct fail *f);
void pack_kernel_close(struct pack_kernel *k);

/* Looks at the kernel of the host that the setting names, if it does. */
int pack_kernel_look(struct pack_kernel *k, struct fail *f);

/* Finds the kernels in the root and marks their names (MARK_KERNEL); chooses the one to boot with. */
int pack_kernel_find(struct pack_kernel *k, struct rootfs *fs, struct fail *f);

/* Warns of a root that has no kernel to boot, or no modules for it. */
void pack_kernel_warn(const struct pack_kernel *k, struct rootfs *fs);

/* Reads the one that the setting names or that was chosen, if there is one: k->data. */
int pack_kernel_read(struct pack_kernel *k, struct rootfs *fs, struct fail *f);

/* Writes what was read aside. */
int pack_kernel_copy(struct pack_kernel *k, struct fail *f);

/* Its path, in the root or on the host, for messages. */
const char *pack_kernel_name(const struct pack_kernel *k);
