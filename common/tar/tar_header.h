/*
 * One header block of a tar archive: V7, ustar, star and GNU (POSIX.1-1988, tar(5) of FreeBSD, tar.h of GNU tar).
 * Pure: 512 bytes in, struct out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"

#define TAR_BLOCK 512
#define TAR_TYPE 156                 /* where the typeflag stands */
#define TAR_NAME_MAX (155 + 1 + 100) /* prefix, slash, name */
#define TAR_LINK_MAX 100

enum tar_format {
	TAR_V7,    /* no magic; whatever stands behind the link's name counts for nothing */
	TAR_USTAR, /* and pax */
	TAR_STAR,  /* ustar with Schilling's magic at the end */
	TAR_GNU,
};

struct tar_header {
	enum tar_format format;
	char type; /* typeflag; '0' also for the NUL of V7 */
	char name[TAR_NAME_MAX + 1];
	char link[TAR_LINK_MAX + 1];
	mode_t mode; /* permission bits with suid, sgid, sticky */
	int64_t uid, gid, mtime;
	uint64_t size;
	int64_t major, minor; /* 0 where the type is no device */
};

/* Reads format, type and names out of a block; false when all of it is zero. */
bool tar_header_start(const uint8_t block[TAR_BLOCK], struct tar_header *ret);

/* Adds the numbers. what: the member, which other headers may have named. 0 or -EBADMSG with *f filled. */
int tar_header_numbers(const uint8_t block[TAR_BLOCK], const char *what, struct tar_header *h,
		       struct fail *f);

/* Is the checksum right, be it made of unsigned or, as some systems did, of signed bytes? */
bool tar_header_is_whole(const uint8_t block[TAR_BLOCK]);

/* Does a tar archive begin with these bytes? With the magic it does, if perhaps with damage; not when it is empty, only its end. */
bool tar_header_begins(const uint8_t *data, size_t size);

/* A number as the formats have it: octal between blanks and NULs, or base-256 with its sign. An empty field is 0, one of
 * blanks is none. 0, -EINVAL for anything else, -ERANGE. */
int tar_number_parse(const uint8_t *field, size_t size, int64_t *ret);

/* The same for a field of a header that must not be negative; its failure names the field. */
int tar_size_parse(const uint8_t *field, size_t size, const char *field_name, const char *what,
		   uint64_t *ret, struct fail *f);

#define TAR_REMAKE "Make the archive again with tar or `tarboot pack`."
