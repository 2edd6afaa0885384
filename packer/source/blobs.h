/*
 * The files of a container image by name, whether it is a directory or a tar of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"

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

/* Is the directory open at fd a container image: an OCI layout, what `skopeo copy` writes to dir:, with --all, too, or an
 * archive of docker's that was unpacked? */
bool blobs_is_layout(int fd);

enum blobs_archive {
	BLOBS_NONE,
	BLOBS_IMAGE,
	BLOBS_DAMAGED /* it has what is left of an image, and nothing that a root has */
};

/* Is the file a tar of one, compressed or not? It must be one that can be read again. */
enum blobs_archive blobs_look_at_archive(int fd);

/* Fails for one that is BLOBS_DAMAGED. */
int blobs_fail_damaged(const char *path, struct fail *f);

/* Of a directory that is none: has it what is left of one, and nothing that a root has? -EBADMSG, with *f set. */
int blobs_check_no_layout(int fd, const char *path, struct fail *f);

/* May the first bytes of a file, compressed or not, be those of such a tar? No, when its first name is one that a root
 * has, or nobody knows. */
bool blobs_may_be_archive(const void *head, size_t size);

/* Opens either. fd, the directory or a file that can be read again, is taken over. path, for messages, stays the
 * caller's. */
int blobs_open(const char *path, int fd, struct blobs *ret, struct fail *f);
void blobs_close(struct blobs *b);

/* Is there a file of that name? */
bool blobs_has(const struct blobs *b, const char *name);

/* A descriptor that the caller closes, and where in it the file lies. -ENOENT with *f set: there is none. */
int blobs_find(const struct blobs *b, const char *name, int *ret_fd, uint64_t *ret_offset,
	       uint64_t *ret_size, struct fail *f);

/* A small file as text; the caller's. NULL with *f set. */
char *blobs_read(const struct blobs *b, const char *name, struct fail *f);
