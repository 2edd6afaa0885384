/*
 * What the first bytes of a program say about who can run it. Pure: bytes in, struct out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum program_kind { PROGRAM_ELF, PROGRAM_SCRIPT };

struct program {
	enum program_kind kind;
	uint16_t machine; /* ELF e_machine; 0 for a script */
	bool is_64bit;
	char interpreter[256]; /* ELF PT_INTERP or the path after "#!"; "" = static */
};

/* The ELF machine this program itself was built for, and its name or that of another machine
 * ("x86-64", "aarch64", …; "unknown" for one this table lacks). */
uint16_t program_own_machine(void);
const char *program_machine_name(uint16_t machine);

/* May a kernel for machine run a program for the other one? That of x86-64 may run i386's; whether it does, only it knows. */
bool program_may_run(uint16_t machine, uint16_t program);

/* Reads the head of a file (PROGRAM_HEAD_SIZE bytes or all of it). Returns 0; -ENOEXEC for
 * anything that is neither ELF in the host's byte order nor a script; -ENAMETOOLONG for an
 * interpreter path that does not fit. Program headers outside the head count as no interpreter. */
#define PROGRAM_HEAD_SIZE 4096
int program_parse(const void *head, size_t size, struct program *ret);
