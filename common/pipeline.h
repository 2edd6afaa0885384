/*
 * The threads of the unpack engine: workers decode Blocks ahead into a bounded pool of chunks, one
 * caller (the parser) takes the chunks in file order and hands file data back to be written by
 * whichever worker is free.
 *
 * Who waits for whom. Workers take Blocks in order. A worker may take the last free chunk only for
 * the Block that the parser needs next, so that Block always moves on; the parser and waiting
 * workers run the queued writes, which is what frees chunks. So something can always run, and the
 * pool is all the memory there is.
 *
 * Errors: the first one is kept, everyone stops at the next turn, nobody prints.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "fail.h"
#include "payload.h"
#include "plan.h"
#include "tree.h"
#include "unpack.h"

struct pipeline;

/* Starts the workers, as many as the plan says. p and blocks must outlive the pipeline; of the options
 * it takes discard, progress and times. 0, or -errno with *f filled. */
int pipeline_start(const struct payload *p, const struct block_list *blocks,
		   const struct engine_plan *plan, const struct unpack_options *options,
		   struct pipeline **ret, struct fail *f);

unsigned pipeline_threads(const struct pipeline *l);

/* The next decoded bytes in file order; they stay valid until the next call, longer where a write
 * refers to them. Returns 1, 0 at the end of the last Block, -errno when anyone failed. */
int pipeline_next(struct pipeline *l, const void **ret_data, size_t *ret_size);

/* Writes data at offset of file, perhaps later and by a worker: at once only when data does not lie
 * in the chunk that pipeline_next gave last. size may be 0. With last the caller's hold on file
 * passes to the pipeline, even on failure. -errno: anyone failed. */
int pipeline_write(struct pipeline *l, struct tree_file *file, const void *data, size_t size,
		   uint64_t offset, bool last);

/* Waits until every write is done. 0, or -errno when anyone failed. */
int pipeline_drain(struct pipeline *l);

/* Stops and joins the workers, frees everything. Returns 0 or the first error, which is copied to
 * *f; error (or 0) is the caller's own, already in *f, and counts if no worker failed before. */
int pipeline_stop(struct pipeline *l, int error, struct fail *f);
