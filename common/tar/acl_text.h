/*
 * POSIX ACLs as text, the form in which star and GNU tar archive them: "user::rwx,user:lisa:r-x:1001,mask::r-x,…", with
 * newlines instead of commas, too. Pure.
 */
#pragma once

#include "tar/aclnames.h"
#include "base/buffer.h"

/* Reads text into at most max entries; their names, "" where there is a number, are cut out of text, which must stay.
 * Returns their number, -EINVAL for what is no ACL, -E2BIG. */
int acl_text_parse(char *text, struct acl_named *entries, size_t max);

/* Adds the ACL that text describes to x as the attribute xattr_name, under a name that says so when it names users or groups
 * (aclnames.h). Returns 0, -EINVAL, -E2BIG
 * for more entries than Linux can hold, -ENOMEM. */
int acl_text_add(struct xattrs *x, const char *xattr_name, const char *text);

/* The way back, as GNU tar (--numeric-owner --acls) writes it, with commas: puts the text of an ACL into b. value: the kernel's
 * attribute, or with named the one of aclnames.h. Returns 0, -EINVAL for what is no ACL or cannot be written so (other tags, a
 * user without number, a name that would be read as something else), -ENOMEM; b may hold a part of it then. */
int acl_text_write(struct buffer *b, bool named, const void *value, size_t size);
