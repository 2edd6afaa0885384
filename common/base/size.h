/*
 * Sizes as people write and read them. Pure: text in, number out.
 */
#pragma once

#include <stdint.h>

enum size_kind { SIZE_AUTO, SIZE_BYTES, SIZE_PERCENT };

struct size {
	enum size_kind kind;
	uint64_t value; /* bytes, or per cent of RAM; 0 for SIZE_AUTO */
};

/* Reads "1500m", "2g", "75%", "auto", "1073741824" (suffixes k m g t, powers of 1024, any case).
 * Returns 0, or -EINVAL for what is none of these, is zero, above 100 % or above INT64_MAX. */
int size_parse(const char *text, struct size *ret);

#define SIZE_TEXT_MAX 24

/* Writes "0 B", "17 KiB", "258.3 MiB", "1.20 GiB" to buf and returns buf. */
const char *size_format(char buf[SIZE_TEXT_MAX], uint64_t bytes);
