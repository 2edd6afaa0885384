/*
 * An archive that is read twice: in pieces, into a tree, and whole. Three bytes stand before it and say into which pieces it is cut,
 * as the chunks of the pipeline would be, and whether it breaks off.
 */
#pragma once

#define OWN_BYTES 3

#include "feed.h"
#include "fuzz.h"
#include "stage.h"
#include "tree/tree.h"

/* What a reading came to. */
struct story {
	int r, tree_error;
	uint64_t members, bytes, digest;
};

static inline void digest(struct story *s, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size-- > 0)
		s->digest = (s->digest ^ *at++) * 0x100000001b3;
}

/* A piece of a member's data, to its file when there is one. */
static inline void story_write(struct story *s, struct tree_file *file, const void *data,
			       size_t size, uint64_t offset, struct fail *f)
{
	digest(s, data, size);
	if (file && s->tree_error == 0)
		s->tree_error = tree_file_write(file, data, size, offset, f);
}

/* r: of the reading of its data. */
static inline void story_release(struct story *s, struct tree_file *file, int r, struct fail *f)
{
	int error = file ? tree_file_release(file, r == 0 && s->tree_error == 0, f) : 0;

	if (s->tree_error == 0)
		s->tree_error = error;
}

/* read: to the end of the archive, also when the tree (NULL: there is none) does not take a member. unit: bytes, of which large pieces
 * are multiples. is_whole: does an archive that was read to its end end so? */
static inline void read_twice(const uint8_t *data, size_t size, size_t unit,
			      void (*read)(struct feed *feed, struct tree *tree, struct story *s),
			      bool (*is_whole)(const uint8_t *archive, size_t size))
{
	struct feed pieces, whole;
	struct story cut, uncut;
	struct tree *tree;

	if (size < OWN_BYTES)
		return;
	whole = pieces = (struct feed){ .at = data + OWN_BYTES, .left = size - OWN_BYTES };
	pieces.step = data[0] < 128 ? data[0] : (data[0] - 127U) * unit;
	pieces.random = data[1] + 1U;
	pieces.breaks = data[2] == 1;

	promise(tree_new(stage_begin(), &tree) == 0);
	read(&pieces, tree, &cut);
	tree_free(tree);
	stage_end(cut.tree_error);

	read(&whole, NULL, &uncut);
	promise(pieces.breaks ? cut.r < 0 : cut.r == uncut.r);
	if (cut.r == 0) {
		promise(cut.members == uncut.members && cut.digest == uncut.digest);
		promise(cut.bytes == size - OWN_BYTES &&
			is_whole(data + OWN_BYTES, size - OWN_BYTES));
	}
	fuzz_accepted += cut.r == 0 && cut.tree_error == 0;
}
