/*
 * The threads of the unpack engine: workers decode Blocks ahead into a bounded pool of chunks, one
 * caller (the parser) takes the chunks in file order and hands file data back to be written by
 * whichever worker is free.
 *
 * Who waits for whom. Blocks are begun in order. The first one that is not yet decoded to its end is the
 * leading Block. Chunks are promised: a Block behind the leading one is promised all that it takes, if there is
 * room for that, or as soon as there is; the leading one keeps a few, since it gets its chunks back as the
 * parser and the writes are done with them. Room are the free chunks that are neither promised nor kept. Only
 * the Block begun last may be without its promise; it takes what room there is, and until it has the promise
 * no other begins. So however many workers there are, at most two wait in the midst of their Blocks, the
 * others are at work or between Blocks; and a Block larger than the pool is decoded as fast as it is parsed
 * and written.
 *
 * Why nothing waits for ever. A Block that has its promise finds its chunks: there are never fewer free than
 * promised, since promises are made of room only, and nobody else takes what is promised. So it comes to its
 * end or to leading. The Block begun last gets its promise or comes to leading. The leading Block waits only while
 * all free chunks are promised. Call the chunks "out" that belong to it, to Blocks before it, to the parser or to
 * writes. While it still has a chunk to take, free + out - promised is at least 1: as much is left over when
 * others take room or promises; it does not change when promised chunks or those of the leading Block are
 * taken and put back; and when a Block comes to lead, its promise and its chunks no longer count against it,
 * and if it never had a promise, no other has one. Chunks that are out come back without anybody's help: the
 * Blocks before are complete, the parser reads on, and whoever waits, the parser too, runs the queued writes
 * first. Then a chunk is free that is not promised. When no Block is in work, the next one leads and begins.
 *
 * Where the plan says "whole", a Block begins when there is a run for all of it, chunks that lie one behind the other, and has
 * them all until it is complete, whoever else is done with them: the decoder refers back to what is there. So nobody waits in
 * the midst of a Block. Runs come free since the Blocks that have begun come to their
 * ends, are parsed and written; when all are, every chunk is free, and the pool has room for any Block.
 *
 * Errors: the first one is kept, everyone stops at the next turn, nobody prints.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"
#include "base/fail.h"
#include "codec/payload.h"
#include "engine/plan.h"
#include "engine/progress.h"
#include "tree/tree.h"

struct pipeline;

struct pipeline_options {
	bool discard;                     /* give the payload's pages back behind the decoder */
	struct unpack_progress *progress; /* its bytes; may be NULL */
	struct block_time *times;         /* of the first n_times Blocks; all zeros at the start */
	size_t n_times;
};

/* Starts the workers, as many as the plan says. p and blocks must outlive the pipeline. 0, or -errno with *f filled. */
int pipeline_start(const struct payload *p, const struct block_list *blocks,
		   const struct engine_plan *plan, const struct pipeline_options *options,
		   struct pipeline **ret, struct fail *f);

unsigned pipeline_threads(const struct pipeline *l);

/* The next decoded bytes in file order; they stay valid until the next call, longer where a write
 * refers to them. Returns 1, 0 at the end of the last Block, -errno when anyone failed. */
int pipeline_next(struct pipeline *l, const void **ret_data, size_t *ret_size);

/* Writes data at offset of file, perhaps later and by a worker: at once only when data does not lie
 * in the chunk that pipeline_next gave last. 0, or -errno when anyone failed. */
int pipeline_write(struct pipeline *l, struct tree_file *file, const void *data, size_t size,
		   uint64_t offset);

/* Nothing more is to be written to file: the caller's hold on it passes to the pipeline, even on failure. The last of its
 * writes closes it. 0, or -errno when anyone failed. */
int pipeline_close(struct pipeline *l, struct tree_file *file);

/* Bytes of the writes that are not done yet, each with a page that it may begin. */
uint64_t pipeline_unwritten(struct pipeline *l);

/* Waits until every write is done. 0, or -errno when anyone failed. */
int pipeline_drain(struct pipeline *l);

/* Stops and joins the workers, frees everything. Returns 0 or the first error, which is copied to
 * *f; error (or 0) is the caller's own, already in *f, and counts if no worker failed before. */
int pipeline_stop(struct pipeline *l, int error, struct fail *f);
