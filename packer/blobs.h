/*
 * The files of a container image by name, whether it is a directory or a tar of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

struct blob {
	char *name;   /* owned */
	char *target; /* owned; the name of the blob that this one is a link to, or NULL */
	uint64_t offset, size;
};

struct blobs {
	const char *path; /* for messages */
	int fd;           /* the directory, or the tar */
	bool is_directory;
	struct blob *list; /* of a tar; owned */
	size_t n;
};

/* Is the directory open at fd an OCI layout? Is the file a tar of an image, docker's or OCI's, compressed or
 * not? */
bool blobs_is_layout(int fd);
bool blobs_is_archive(const char *path);

/* Opens either; fd is the open directory, taken over, or -1. */
int blobs_open(const char *path, int fd, struct blobs *ret, struct fail *f);
void blobs_close(struct blobs *b);

/* A descriptor that the caller closes, and where in it the file lies. -ENOENT with *f set: there is none. */
int blobs_find(const struct blobs *b, const char *name, int *ret_fd, uint64_t *ret_offset,
	       uint64_t *ret_size, struct fail *f);

/* A small file as text; the caller's. NULL with *f set. */
char *blobs_read(const struct blobs *b, const char *name, struct fail *f);
