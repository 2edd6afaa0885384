/*
 * Will the kernel be able to start this program as the new init? Asked inside the new root, before
 * anything is deleted, and by the packer before anything is packed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "tree/root_files.h"

/* The paths that are tried when nobody named one, in this order; ends with NULL. */
extern const char *const initcheck_defaults[];

/* path is, in the root, a regular file that is executable, is an ELF program that machine may run
 * with its interpreter in the root, or a script whose interpreter is such a program.
 * 0, or -errno with *f saying what is wrong with it. */
int initcheck_program(const struct root_files *root, const char *path, uint16_t machine,
		      struct fail *f);

/* The machine that the program at wanted is for; with NULL, that of the first default that is a program. 0: there is none. */
uint16_t initcheck_machine(const struct root_files *root, const char *wanted);

/* Finds the init: wanted alone when it is given (its fault is then the failure), else preferred (may
 * be NULL or ""), else the first good default. Returns the path, which is one of the arguments or a
 * default, or NULL with *f filled. */
const char *initcheck_find(const struct root_files *root, const char *wanted, const char *preferred,
			   uint16_t machine, struct fail *f);
