/*
 * POSIX ACLs as text, the form in which star and GNU tar archive them: "user::rwx,user:lisa:r-x:1001,mask::r-x,…", with
 * newlines instead of commas, too. Pure.
 */
#pragma once

#include "aclnames.h"

/* Reads text into at most max entries; their names, "" where there is a number, are cut out of text, which must stay.
 * Returns their number, -EINVAL for what is no ACL, -E2BIG. */
int acl_text_parse(char *text, struct acl_named *entries, size_t max);

/* Adds the ACL that text describes to x as the attribute xattr_name, under a name that says so when it names users or groups
 * (aclnames.h). Returns 0, -EINVAL, -E2BIG
 * for more entries than Linux can hold, -ENOMEM. */
int acl_text_add(struct xattrs *x, const char *xattr_name, const char *text);
