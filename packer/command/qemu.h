/*
 * QEMU as the machine that boots an image, with its serial console on standard input and output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emulation;

/* The caller owns all texts. */
struct qemu {
	const struct emulation *emulation; /* see qemu_find_emulation() */
	const char *accel;                 /* "tcg" or "kvm" */
	const char *cpu;                   /* for QEMU's -cpu; NULL = one that suits accel */
	const char *memory;                /* for QEMU's -m */
	long cpus;
	const char *kernel;
	const char *initrd; /* NULL = none */
	const char *append; /* kernel parameters after those for the console; NULL = none */
	bool has_monitor;   /* Ctrl-A X stops it */
	char *const *more;  /* further arguments for QEMU */
	size_t n_more;
};

/* The emulation of an ELF machine; of this computer for 0 or an unknown machine. */
const struct emulation *qemu_find_emulation(uint16_t machine);

/* The name of its program. */
const char *qemu_program(const struct qemu *q);

/* Executes QEMU in this process. Returns only if that failed, after printing why. */
void qemu_exec(const struct qemu *q);

/* Can KVM boot this kernel on this computer? It is not enough that /dev/kvm can be opened: on some computers, mostly
 * virtual ones, every guest hangs. So the kernel is started without an image, and must complain about that within 10
 * s. Warns if it does not. Prints nothing if there is no KVM. */
bool qemu_kvm_works(const struct qemu *q);
