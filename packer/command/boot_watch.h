/*
 * Reads the serial console of a booting machine: records tarboot's step lines, detects the login prompt, prints the
 * table of times. Pure except for the clock and the printing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
};

void boot_watch_feed(struct boot_watch *w, const char *data, size_t size);

/* Has the login prompt appeared? */
bool boot_watch_is_done(const struct boot_watch *w);

void boot_watch_print(const struct boot_watch *w, uint64_t image_size);
