/*
 * The compressions that a payload can be written in: bytes in, Blocks out that can be decoded each by itself. The same bytes give
 * the same Blocks with any number of threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

enum encode_level { ENCODE_NORMAL, ENCODE_FAST, ENCODE_BEST };

struct encode_settings {
	enum encode_level level;
	unsigned threads;    /* 0 = as many as CPUs */
	uint64_t block_size; /* bytes that a Block decodes to; 0 = what the level has */
};

/* Takes what is written. 0, or -errno with *f set, which ends the encoding. */
typedef int encode_output(void *arg, const void *data, size_t size, struct fail *f);

struct encoder;

struct encode_kind {
	const char *name;   /* as codec.h calls it */
	const char *suffix; /* of a file's name, behind ".tar" */

	/* Starts. *ret is freed by free. 0 or -errno. */
	int (*open)(const struct encode_settings *s, encode_output *output, void *arg,
		    struct encoder **ret);
	/* Adds size bytes, which stay the caller's; finish writes what is left. 0, or -errno with *f set. */
	int (*add)(struct encoder *e, const void *data, size_t size, struct fail *f);
	int (*finish)(struct encoder *e, struct fail *f);
	void (*free)(struct encoder *e); /* NULL is fine */
};

extern const struct encode_kind encode_xz, encode_zstd;

/* The one of this name; NULL: there is none. */
const struct encode_kind *encode_find(const char *name);

/* For kinds: what is said of a failure; error is an errno. */
int encode_fail(int error, struct fail *f);
