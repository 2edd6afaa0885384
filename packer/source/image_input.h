/*
 * Container images that are not files: on standard input, or in a registry or a container engine, from where skopeo
 * fetches them. Both become a file that can be read again (spool.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/fail.h"
#include "source/image_list.h"

/* What is on standard input. */
struct image_stdin {
	int fd;     /* a copy that can be read again, which the caller closes; or -1: */
	char *head; /* this has been read, and the rest not; the caller's to free; NULL = nothing */
	size_t head_size;
	bool is_image; /* the copy is an archive of a container image */
};

/* Reads the beginning, and all of it when that may be of a container image. */
int image_input_stdin(struct image_stdin *ret, struct fail *f);

/* Is it a reference to an image in the words of skopeo, as docker://debian:12? */
bool image_input_is_reference(const char *path);

/* Has skopeo copy it, for the platform that is chosen, into a file, which the caller closes. */
int image_input_fetch(const char *reference, const struct image_choice *choice, int *ret_fd,
		      struct fail *f);
