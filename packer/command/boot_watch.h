/*
 * Reads the serial console of a booting machine: records tarboot's step lines and its block about a failure, detects the
 * login prompt and a panic, prints the table of times. Pure except for the clock and the printing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define WATCH_STEPS_MAX 24

struct boot_watch {
	uint64_t start; /* now_usec() when the machine was started; set by the caller */
	uint64_t login; /* when the prompt appeared; 0 = not yet */
	struct {
		char name[48];
		double seconds;
		char detail[96];
	} steps[WATCH_STEPS_MAX];
	size_t n_steps;
	char start_init[160]; /* the line about the start of the new init */
	char line[512];       /* the line being read */
	size_t used;

	char failed[48]; /* the step that failed, and no init was started since then; "" = none */
	char what[FAIL_WHAT_MAX], why[320]; /* of that */
	char panic[160];                    /* the kernel's reason; "" = none */
	enum { BLOCK_NONE, BLOCK_OTHER, BLOCK_WHAT, BLOCK_WHY } block; /* where the last line is */
};

void boot_watch_feed(struct boot_watch *w, const char *data, size_t size);

/* Has the login prompt appeared? */
bool boot_watch_is_done(const struct boot_watch *w);

/* Has the boot failed, until now? 0, or -EIO with *f, whose what is the image. */
int boot_watch_check(const struct boot_watch *w, const char *image, struct fail *f);

void boot_watch_print(const struct boot_watch *w, uint64_t image_size);
