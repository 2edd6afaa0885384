/*
 * ACLs that name users and groups instead of numbering them, as GNU tar writes them. What a name
 * means is said by the root's own etc/passwd and etc/group, so it can be looked up only when the
 * whole tree is there. Until then such an ACL travels among the xattrs under a name of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tar/xattrs.h"

#define ACL_NAMED "tarboot.named." /* before the xattr name that is meant */

struct acl_named {
	struct acl_entry entry; /* id is ACL_UNDEFINED_ID where the name counts */
	const char *name;       /* "" = none */
};

/* Adds the ACL to x, under ACL_NAMED and xattr_name. 0 or -ENOMEM. */
int aclnames_add(struct xattrs *x, const char *xattr_name, const struct acl_named *entries,
		 size_t n);

/* Walks the entries of such a value; *cursor starts at 0. 1 with the next one, 0 at the end. */
int aclnames_next(const void *value, size_t size, size_t *cursor, struct acl_named *ret);

/* The xattr name that is meant when name is one of these, else NULL. */
const char *aclnames_meant(const char *name);

/* Looks the names up in etc/passwd and etc/group below root_fd and adds the ACL to x under the name
 * that is meant. 0, -ENOENT when a name is in neither, -errno. */
int aclnames_resolve(int root_fd, const char *xattr_name, const void *value, size_t size,
		     struct xattrs *x);
