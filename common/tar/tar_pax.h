/*
 * The records of pax extended headers (POSIX.1-2001, "pax Interchange Format"): "LENGTH KEY=VALUE\n". Values are bytes:
 * no charset is applied. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/fail.h"

/* Checks the records in text and puts NULs in place of '=' and of the newline, so that keys and values can be used as they
 * are. NULs may follow the last record. what: for messages. Returns 0, or -EBADMSG with *f filled. */
int tar_pax_check(char *text, size_t size, const char *what, struct fail *f);

struct tar_pax_record {
	const char *key, *value; /* both with a NUL behind; a value may hold more of them */
	size_t value_size;
};

/* Walks checked records: *cursor starts at 0. Returns true with the next one. */
bool tar_pax_next(const char *text, size_t size, size_t *cursor, struct tar_pax_record *ret);

struct tar_pax_number {
	bool given;
	uint64_t value;
};

struct tar_pax_time {
	bool given;
	struct timespec value;
};

/* What the records of a member say. NULL and not given: nothing, the header counts. */
struct tar_pax {
	const char *path, *link;
	const char *acl_access, *acl_default;
	struct tar_pax_number size, uid, gid, major, minor;
	struct tar_pax_time mtime;
	struct tar_pax_time atime, ctime; /* nobody wants them, but junk in them is damage */
	/* GNU's sparse files; the pairs of version 0.0 are left to tar_sparse.c. */
	const char *sparse_name, *sparse_map;
	struct tar_pax_number sparse_major, sparse_minor, sparse_size, sparse_blocks;
};

/* Adds what checked records say; an empty value takes back what an earlier one said, of a global header for example. The
 * strings point into text. Returns 0, or -EBADMSG. */
int tar_pax_apply(const char *text, size_t size, const char *what, struct tar_pax *p,
		  struct fail *f);

/* Decimal digits and nothing else. 0, -EINVAL, -ERANGE above INT64_MAX. */
int tar_decimal_parse(const char *text, size_t size, uint64_t *ret);
