/*
 * The extended attributes of one inode as one block of memory, POSIX ACLs among them in the form
 * in which the kernel keeps them (system.posix_acl_access, system.posix_acl_default).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xattrs {
	unsigned char *data; /* owned; records of struct xattr_record, name with NUL, value */
	size_t used, room;
};

/* Adds one attribute. 0, -ENOMEM. Names are not compared: the last of two equal ones wins when
 * they are set in order. */
int xattrs_add(struct xattrs *x, const char *name, const void *value, size_t size);

/* Makes room for so many bytes in all, exactly: 8 for each attribute, its name with the NUL, its value. 0, -ENOMEM. */
int xattrs_reserve(struct xattrs *x, size_t size);

/* Makes to, whose room is used again, the same as from. 0, -ENOMEM. */
int xattrs_copy(const struct xattrs *from, struct xattrs *to);

/* Walks: *cursor starts at 0. Returns 1 with the next attribute, 0 at the end. The pointers stay
 * valid until the next xattrs_add. */
int xattrs_next(const struct xattrs *x, size_t *cursor, const char **ret_name,
		const void **ret_value, size_t *ret_size);

/* Removes those whose names begin with prefix. */
void xattrs_remove(struct xattrs *x, const char *prefix);

bool xattrs_has(const struct xattrs *x, const char *name);

void xattrs_free(struct xattrs *x);

/* One POSIX ACL entry as the kernel's xattr format (linux/posix_acl_xattr.h) has it. */
struct acl_entry {
	/* ACL_USER_OBJ 1, ACL_USER 2, ACL_GROUP_OBJ 4, ACL_GROUP 8, ACL_MASK 0x10, ACL_OTHER 0x20. */
	uint16_t tag;
	uint16_t perm; /* rwx */
	uint32_t id;   /* user or group; ACL_UNDEFINED_ID for the others */
};

#define ACL_XATTR_ACCESS "system.posix_acl_access"
#define ACL_XATTR_DEFAULT "system.posix_acl_default"
#define ACL_UNDEFINED_ID UINT32_MAX

/* Sorts the entries as the kernel demands (tag, then id) and adds them as the attribute name. */
int xattrs_add_acl(struct xattrs *x, const char *name, struct acl_entry *entries, size_t n);

/* Does Linux take it (posix_acl_valid), when sorted? One entry each for owner, group and others, a mask when
 * anybody else is named. None at all is an ACL, too: it removes one. */
bool acl_is_valid(const struct acl_entry *entries, size_t n);

/* Reads a kernel ACL value into entries. Returns their number, -EINVAL for a value that is none,
 * -E2BIG for more than max. */
int acl_parse(const void *value, size_t size, struct acl_entry *entries, size_t max);
