/*
 * Extended attributes in pax records: SCHILY.xattr.NAME=VALUE (star, GNU tar), LIBARCHIVE.xattr.NAME=BASE64, GNU's record
 * for SELinux, and ACLs as text. Pure.
 */
#pragma once

#include "tar/tar_pax.h"
#include "tar/xattrs.h"

/* Bytes that tar_xattrs_add takes for what checked records say, at most. */
size_t tar_xattrs_memory(const char *text, size_t size);

/* Adds the attributes that checked records say. Of two with one name the later one counts when they are set in order.
 * Returns 0, -ENOMEM, or -EBADMSG; *f is filled, about what. */
int tar_xattrs_add(const char *text, size_t size, const char *what, struct xattrs *x,
		   struct fail *f);

/* Adds the ACLs that p has as text, unless x has them as the attributes that they are, which are exact. */
int tar_xattrs_add_acls(const struct tar_pax *p, const char *what, struct xattrs *x,
			struct fail *f);
