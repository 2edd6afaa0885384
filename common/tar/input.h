/*
 * The bytes of an archive, piece by piece from a source, and how far its reader has come: what the readers of tar and cpio
 * have in common. Nothing is copied that can stay where the source put it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

/* Gives the next bytes, valid until the next call: 1; 0 at the end; -errno with *f filled, unless the
 * caller keeps its own record of what failed. */
typedef int tar_source_fn(void *arg, const void **ret_data, size_t *ret_size, struct fail *f);

struct input {
	tar_source_fn *source;
	void *arg;
	const char *name; /* of the archive, for messages */

	const uint8_t *at; /* what is left of the source's last piece */
	size_t left;
	uint64_t taken; /* bytes of all pieces */

	uint64_t members;  /* that were read */
	uint64_t position; /* of the last one's header */
	char path[192];    /* its name, cut to what messages can show; "" before the first one */
	bool in_member;    /* its data is not yet passed */
};

/* The byte of the archive at which the reader stands. */
static inline uint64_t input_position(const struct input *in)
{
	return in->taken - in->left;
}

/* Makes in->left more than 0: 1; 0 when the source has ended; -errno. */
int input_fill(struct input *in, struct fail *f);

/* Takes size bytes at most, where they are: 1; -EBADMSG when the source has ended; -errno. */
int input_take_piece(struct input *in, uint64_t size, const uint8_t **ret_data, size_t *ret_size,
		     struct fail *f);

/* Takes exactly so many bytes, to ret, or passes over them: 0 or -errno, as above. */
int input_take(struct input *in, void *ret, size_t size, struct fail *f);
int input_skip(struct input *in, uint64_t size, struct fail *f);

/* Behind the end marker only zeros may follow, and all of them must be readable: 0 or -errno. */
int input_check_end(struct input *in, struct fail *f);

/* The source has ended where another member or the end marker must be. */
int input_fail_no_end(const struct input *in, struct fail *f);

/* A member was read whose first header stands at position; its data follows. */
void input_add_member(struct input *in, uint64_t position, const char *path);

/* Its data and padding are passed, the next header follows. */
static inline void input_end_member(struct input *in)
{
	in->in_member = false;
}
