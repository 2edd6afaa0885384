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

/* Writes it to out, from its start. -ENOEXEC: firmware cannot start the kernel; -EFBIG; -ENOSPC: the stub's headers have
 * no room. */
int uki_write(struct uki_stub *stub, const struct uki_parts *parts, struct out *out,
	      struct fail *f);
