/*
 * The unpack engine: a payload of any making becomes a tree, on all cores. It promises: every byte is checked before success is
 * reported, memory is bounded, and the tree is the same with any number of threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "codec/payload.h"
#include "engine/plan.h"
#include "engine/progress.h"
#include "tree/root_tree.h"
#include "tree/tree.h"

/* A further archive, laid over what is there (tree.h). All of it is here. */
struct unpack_layer {
	const struct payload *payload;
	const struct block_list *blocks; /* of it; NULL: read them */
	const struct engine_plan *plan;  /* NULL: make one, as for the root */
	bool discard;                    /* give its pages back behind the decoder */
};

struct unpack_options {
	int root_fd; /* directory to fill; -1 = check everything, write nothing */
	/* With -1: it gets each member, and what it refuses is an error; may be NULL. */
	struct root_tree *names;
	const struct block_list *blocks; /* of the payload; NULL: read them */
	unsigned threads;                /* decode threads; 0 = as many as CPUs may be used */
	const struct engine_plan *plan; /* NULL: make one for threads, in half of the free memory */
	bool discard;                   /* give the payload's pages back behind the decoder */
	bool is_layer; /* the payload is one itself: whiteouts, and the limits of layers */
	/* Over the payload, from the lowest on, in the same tree. */
	const struct unpack_layer *layers;
	size_t n_layers;
	/* This process does nothing else: hold it to the plan, and names to its limit; it may open
	 * more files than usual. */
	bool hold;
	struct unpack_progress *progress; /* may be NULL */
	struct block_time *times;         /* of the first n_times Blocks; all zeros at the start */
	size_t n_times;

	/* Told of each member of the payload, in order; at: where its header starts. May be NULL. */
	void (*member)(void *arg, const struct member *m, uint64_t at);
	/* Told of each piece of data of that member, in order; holes are left out. May be NULL. */
	void (*data)(void *arg, uint64_t offset, uint64_t size);
	void *member_arg; /* of both */

	/* Told of each member of the layers over the payload, when names has it. May be NULL. */
	void (*layer_member)(void *arg, const struct member *m);
	void *layer_arg;

	/* Asked at the start of each archive, and then before the first member or chunk that begins at byte *ret_next or behind.
	 * bytes: of all archives before it; unwritten: of those wait to be written. 0, or -errno with *f set, and all ends with
	 * that. May be NULL. */
	int (*may_go_on)(void *arg, uint64_t bytes, uint64_t unwritten, uint64_t *ret_next,
			 struct fail *f);
	void *may_go_on_arg;
};

/* Of all archives together; plan: the one that takes most memory. */
struct unpack_result {
	uint64_t bytes; /* uncompressed tar */
	uint64_t members;
	uint64_t blocks;
	uint64_t unchecked; /* Blocks without an integrity check */
	unsigned threads;   /* that ran */
	struct engine_plan plan;
	uint64_t names; /* bytes that options.names took */
	struct tree_losses losses;
};

/* Unpacks p, and the layers over it. On failure the tree is incomplete and must not be used; *f says what and why. */
int unpack_run(const struct payload *p, const struct unpack_options *options,
	       struct unpack_result *ret, struct fail *f);
