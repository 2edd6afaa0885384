/*
 * The boot part of an image: a newc archive with /init, the shell and the manifest, built in memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "image/manifest.h"

struct bootpart {
	char *data; /* owned */
	size_t size, room;
	uint32_t next_ino;
	size_t manifest, manifest_text,
		manifest_end; /* where its member begins, its text, what follows it */
};

/* Adds one inode. data may be NULL for size 0. 0 or -ENOMEM. */
int bootpart_add(struct bootpart *b, const char *name, uint32_t mode, uint32_t rdev_major,
		 uint32_t rdev_minor, const void *data, size_t size);

/* Adds all members of another one, which has no trailer; their inodes get the next numbers of b. 0 or -ENOMEM. */
int bootpart_append(struct bootpart *b, const struct bootpart *more);

/* The programs of an image, by their paths on the host. */
struct bootpart_programs {
	const char *init;
	const char *busybox; /* static; NULL = none */
	const char *fetcher; /* NULL = none */
	const char *checker; /* of signatures; NULL = none */
};

/* Reads them into a part for bootpart_append(). */
int bootpart_add_programs(struct bootpart *b, const struct bootpart_programs *programs,
			  struct fail *f);

/* Adds what else every image has: directories, console, manifest, release. no_shell: busybox is not there for a shell. *m gets a
 * boot-digest, which bootpart_seal makes the right one. */
int bootpart_start(struct bootpart *b, bool no_shell, struct manifest *m, struct fail *f);

/* Ends the archive and writes its digest into *m and into the manifest in it. */
int bootpart_seal(struct bootpart *b, struct manifest *m, struct fail *f);

/* Ends the archive with its trailer, padded to 512 bytes as cpio does. 0 or -ENOMEM. */
int bootpart_finish(struct bootpart *b);

void bootpart_free(struct bootpart *b);
