/*
 * A failure as the user will read it: what it is about, why it went wrong, what to do.
 * Functions that can explain themselves fill one and return its negative errno; they never print.
 * It holds no pointers, so that the unpack child can leave it in shared memory for PID 1.
 */
#pragma once

#include "base/util.h"

#define FAIL_WHAT_MAX 192

struct fail {
	int error;                /* errno value; 0 = nothing failed */
	char what[FAIL_WHAT_MAX]; /* the object: "payload /rootfs.tar.xz" */
	char why[320];            /* "Block 3: the check does not match" */
	char todo[320];           /* what the user can do, a sentence; may be empty */
};

/* Fills *f and returns -error. todo may be NULL; none of the texts may be one of f's. Names in them are escaped for
 * terminals (escape.h), here and nowhere later; all texts are cut to fit. */
int fail_set(struct fail *f, int error, const char *what, const char *todo, const char *why, ...)
	_printf_(5, 6);

/* The same for a failed system call: why is "DOING: strerror(error)". error may be negated. */
int fail_errno(struct fail *f, int error, const char *what, const char *doing);
