/*
 * What a file is that was given for a root and is neither a tar nor a cpio archive. Pure: its first bytes in, words out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "source/disk_format.h"

struct file_kind {
	const char *what; /* "a squashfs image" */
	const char *todo; /* a sentence: how to come to something that can be packed */
	bool is_known;    /* else what only says that it is neither */
};

#define FILE_KIND_HEAD DISK_FORMAT_HEAD /* bytes that are enough; fewer may be all of the file */

/* NULL: it is a tar or cpio archive, as far as its first header tells. */
const struct file_kind *file_kind_of(const char *head, size_t size);

/* Is it an image of tarboot pack? */
bool file_kind_is_image(const char *head, size_t size);
