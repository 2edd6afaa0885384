/*
 * A unified kernel image (UKI): systemd's stub, a PE program for UEFI, with kernel, initrd and their words in sections of
 * its own. The initrd is an image, or the boot part of one.
 */
#pragma once

#include <stdbool.h>

#include "base/fail.h"
#include "image/pe.h"

/* What to do about a damaged one. */
#define UKI_TODO_COPY "Copy it again, or make it again with `tarboot pack --uki`."

#define UKI_INITRD ".initrd"
#define UKI_LINUX ".linux"
#define UKI_OSREL ".osrel"
#define UKI_UNAME ".uname"
#define UKI_CMDLINE ".cmdline"
#define UKI_STUB ".sdmagic" /* which systemd-stub it is */

struct uki {
	int fd; /* owned */
	uint64_t size;
	uint8_t *head; /* owned; its headers */
	struct pe pe;
	const struct pe_section *initrd, *kernel; /* of pe */
	/* Owned; the texts of sections, without spaces at their end; NULL: there is no such section. */
	char *os_release, *uname, *cmdline, *stub;
	char *os_name; /* owned; of os_release; NULL: it says none */
};

/* Does a file that starts so look like a program for UEFI? */
bool uki_may_be(const char *head, size_t size);

/* Reads the one that is open at fd, which stays the caller's. -ENOEXEC: it is a program, but no UKI, and *f is not set.
 * The caller calls uki_free(). */
int uki_read(int fd, const char *path, struct uki **ret, struct fail *f);
void uki_free(struct uki *uki);

/* "x86-64", "aarch64"; "" for other machines. */
const char *uki_machine_name(const struct uki *uki);
uint16_t uki_elf_machine(const struct uki *uki);
