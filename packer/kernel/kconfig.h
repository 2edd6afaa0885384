/*
 * Configurations of kernels, and the fragments in kconfig/ that say what one must have. Pure.
 *
 * In a fragment, the comment lines right before a CONFIG line are about it: the first ones say what it is for, then
 * come keys, each with lines of its own: `without:` what fails, `or:` symbols of which one does as well, `since:` and
 * `until:` the first and last Linux that has it, `for:` the architecture, `module:` it may be a module, of these names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum kconfig_value { KCONFIG_NO, KCONFIG_MODULE, KCONFIG_YES };

struct kconfig_need {
	char symbol[48]; /* with CONFIG_ */
	char reason[256], without[256];
	char alternatives[96]; /* symbols, with blanks between */
	char modules[64];      /* names, with blanks between; "" = it must be built in */
	char architecture[16]; /* "" = all */
	unsigned since, until; /* kconfig_version() of Linux, both included; 0 = no bound */
};

/* Reads the next need of a fragment at *at and goes on behind it. False at the end. What is too long is cut. */
bool kconfig_next(const char **at, struct kconfig_need *ret);

/* Is this text a configuration? */
bool kconfig_is(const char *text);

/* What a configuration says of a symbol; a text or a number is a yes. */
enum kconfig_value kconfig_value(const char *config, const char *symbol);

/* "6.1.192" as 6 << 8 | 1; 0 = it is none. */
unsigned kconfig_version(const char *text);

/* Copies the version of Linux from the head of a configuration; "" = it does not say. */
void kconfig_release(const char *config, char ret[32]);

/* "x86_64", "aarch64", or NULL for any other. */
const char *kconfig_architecture(const char *config);
