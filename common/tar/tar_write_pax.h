/*
 * The records of pax extended headers, written: "LENGTH KEY=VALUE\n" (POSIX.1-2001, "pax Interchange Format"). Pure.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/buffer.h"
#include "tar/xattrs.h"

void tar_pax_write(struct buffer *b, const char *key, const void *value, size_t size);
void tar_pax_write_text(struct buffer *b, const char *key, const char *value);
void tar_pax_write_number(struct buffer *b, const char *key, uint64_t value);

/* Exact, and as short as can be: half a second before 1970 is "-0.5". */
void tar_pax_write_time(struct buffer *b, const char *key, struct timespec value);

/* Attributes as SCHILY.xattr.NAME, ACLs as SCHILY.acl.access and SCHILY.acl.default, in the order of their names: file systems
 * list them in any. Returns 0, -EINVAL for an ACL that cannot be written, -ENOMEM. */
int tar_pax_write_xattrs(struct buffer *b, const struct xattrs *xattrs);
