/*
 * QEMU as the machine that boots an image, with its serial console on standard input and output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emulation;

/* All texts stay the caller's. */
struct qemu {
	const struct emulation *emulation; /* see qemu_find_emulation() */
	const char *accel;                 /* "tcg" or "kvm" */
	const char *cpu;    /* as QEMU's -cpu takes it; NULL = one that suits accel */
	const char *memory; /* as QEMU's -m takes it */
	long cpus;
	const char *kernel;
	const char *initrd; /* NULL = none */
	const char *append; /* kernel parameters behind those for the console; NULL = none */
	bool has_monitor;   /* Ctrl-A X ends it; for people */
	char *const *more;  /* further arguments for QEMU */
	size_t n_more;
};

/* For an ELF machine; for one that is not known, or 0, that of this computer. */
const struct emulation *qemu_find_emulation(uint16_t machine);

/* The name of its program. */
const char *qemu_program(const struct qemu *q);

/* Replaces this process by it. Returns only when that failed, which was said then. */
void qemu_exec(const struct qemu *q);

/* Does KVM boot this kernel on this computer? That /dev/kvm can be opened does not tell: there are computers, virtual
 * ones mostly, on which every guest then hangs. So the kernel is started without an image, and must come to the point
 * where it misses one, within 10 s. Warns when it does not, and says nothing where there is no KVM. */
bool qemu_kvm_works(const struct qemu *q);
