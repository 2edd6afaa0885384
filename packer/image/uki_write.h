/*
 * Writes a unified kernel image: systemd's stub, and behind it sections with what it starts. The same parts give the same
 * bytes.
 */
#pragma once

#include "image/uki_stub.h"
#include "base/out.h"

struct uki_parts {
	const char *name;                         /* for messages */
	const char *os_release, *uname, *cmdline; /* NULL = none */
	int initrd, kernel;                       /* descriptors, read from their start */
	const char *kernel_name;                  /* for messages */
	uint64_t initrd_size, kernel_size;
};

/* Can firmware that starts the stub start this kernel, too? name: for messages. -ENOEXEC. */
int uki_check_kernel(const struct uki_stub *stub, const char *kernel, size_t size, const char *name,
		     struct fail *f);

/* Writes it to out, from its start. -EFBIG; -ENOSPC: the stub's headers have no room. */
int uki_write(struct uki_stub *stub, const struct uki_parts *parts, struct out *out,
	      struct fail *f);
