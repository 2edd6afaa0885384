/*
 * Workers, Blocks, write queue: see pipeline.h for the rules.
 *
 * One mutex guards all shared state; it is taken per chunk (256 KiB) and per file, never per byte. Who waits
 * does so in the queue of those who wait for the same, and whoever changes something wakes one that can go
 * on with it. All of a queue are woken at the end only.
 */
#include "engine/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/threads.h"
#include "engine/pool.h"

#define WRITES_MAX 256 /* queued; also bounds the open files */

/* Threads that wait for the same; all under lock. */
struct queue {
	pthread_cond_t wake;
	unsigned waiting;
	unsigned woken; /* of them, and not yet gone on */
};

struct write {
	struct tree_file *file;
	/* Referenced, data lies in it; NULL: only the hold on file is given up. */
	struct chunk *chunk;
	const void *data;
	size_t size;
	uint64_t offset;
};

struct pipeline {
	const struct payload *payload;
	const struct block_list *blocks;
	struct pipeline_options options;
	pthread_t threads[PLAN_THREADS_MAX];
	unsigned n_threads;

	pthread_mutex_t lock;
	struct queue parser; /* a chunk arrived, a Block is complete, the last write was done */
	/* The worker of the leading Block: a chunk is free, or a write queued. */
	struct queue leader;
	/* The worker of the Block begun last: there is room, or a write queued. */
	struct queue last;
	struct queue decoders; /* idle: the next Block may begin, or a write is queued */
	struct queue writers;  /* idle, and never decode: a write is queued */

	/* under lock */
	struct pool pool;
	uint64_t given_back;             /* up to here pages of the payload were, all of them */
	struct write writes[WRITES_MAX]; /* ring */
	size_t first_write, n_writes;
	unsigned writes_running;
	uint64_t unwritten;       /* pipeline_unwritten */
	unsigned workers_started; /* each takes its number from here */
	bool stop;
	struct fail fail; /* the first failure */

	/* parser only */
	struct chunk *current;

	/* set at start, constant */
	unsigned n_decoders; /* workers with a lower number decode */
	uint64_t page;
};

/* ---- shared state, called with the lock held ---- */

static void wait_in(struct pipeline *l, struct queue *q)
{
	q->waiting++;
	pthread_cond_wait(&q->wake, &l->lock);
	q->waiting--;
	if (q->woken > 0)
		q->woken--;
}

/* False when nobody waits there who is not yet woken. */
static bool wake_one(struct queue *q)
{
	if (q->woken >= q->waiting)
		return false;
	q->woken++;
	pthread_cond_signal(&q->wake);
	return true;
}

static void stop_all(struct pipeline *l)
{
	l->stop = true;
	pthread_cond_broadcast(&l->parser.wake);
	pthread_cond_broadcast(&l->leader.wake);
	pthread_cond_broadcast(&l->last.wake);
	pthread_cond_broadcast(&l->decoders.wake);
	pthread_cond_broadcast(&l->writers.wake);
}

static void store_failure(struct pipeline *l, const struct fail *f)
{
	if (l->fail.error == 0)
		l->fail = *f;
	if (l->fail.error == 0) /* or it would pass for success */
		fail_errno(&l->fail, EIO, "the unpack engine", "it failed without saying why");
	payload_cancel(l->payload); /* a worker may wait for bytes */
	stop_all(l);
}

/* Called when the next Block may have become one that may begin. One at a time: whoever begins it calls this
 * again. */
static void wake_decoder(struct pipeline *l)
{
	if (l->decoders.woken == 0 && l->decoders.waiting > 0 && pool_may_begin(&l->pool))
		(void)wake_one(&l->decoders);
}

/* There are more free chunks, or fewer promised: whose Block may go on wakes, and who may begin one. */
static void wake_for_room(struct pipeline *l)
{
	if (l->pool.n_free > l->pool.promised)
		(void)wake_one(&l->leader);
	if (l->last.waiting > 0 && pool_may_last_take(&l->pool))
		(void)wake_one(&l->last);
	wake_decoder(l);
}

static bool begin_block(struct pipeline *l, size_t *ret_block)
{
	if (!pool_may_begin(&l->pool))
		return false;
	*ret_block = pool_begin(&l->pool);
	wake_decoder(l);
	return true;
}

static void drop_chunk(struct pipeline *l, struct chunk *c)
{
	if (--c->refs > 0)
		return;
	pool_put(&l->pool, c);
	wake_for_room(l);
}

static uint64_t write_bytes(const struct pipeline *l, const struct write *w)
{
	return w->chunk ? w->size + l->page : 0;
}

/* Runs one queued write without the lock; false when there is none. */
static bool run_write(struct pipeline *l)
{
	struct fail f, unused;
	struct write w;
	int r = 0;

	if (l->n_writes == 0)
		return false;
	w = l->writes[l->first_write];
	l->first_write = (l->first_write + 1) % WRITES_MAX;
	l->n_writes--;
	l->writes_running++;
	wake_decoder(l); /* this thread was perhaps woken to begin a Block */
	pthread_mutex_unlock(&l->lock);

	if (w.chunk)
		r = tree_file_write(w.file, w.data, w.size, w.offset, &f);
	if (r < 0)
		tree_file_release(w.file, false, &unused);
	else
		r = tree_file_release(w.file, true, &f);

	pthread_mutex_lock(&l->lock);
	l->writes_running--;
	l->unwritten -= write_bytes(l, &w);
	if (w.chunk)
		drop_chunk(l, w.chunk);
	if (r < 0)
		store_failure(l, &f);
	if (l->n_writes == 0 && l->writes_running == 0)
		(void)wake_one(&l->parser); /* pipeline_drain waits for that */
	return true;
}

/* ---- workers ---- */

/* Waits for a chunk, writing files meanwhile. NULL: stop. Only the worker of the leading Block ever waits, and
 * that of the Block begun last. */
static struct chunk *wait_for_chunk(struct pipeline *l, size_t number)
{
	while (!l->stop) {
		if (pool_may_take(&l->pool, number))
			return pool_take(&l->pool, number);
		if (!run_write(l))
			wait_in(l, number == l->pool.leading ? &l->leader : &l->last);
	}
	return NULL;
}

static void hand_over(struct pipeline *l, size_t number, struct chunk *c, bool complete)
{
	struct block_state *state = pool_block(&l->pool, number);

	if (c->size > 0) {
		if (state->last)
			state->last->next = c;
		else
			state->first = c;
		state->last = c;
	} else {
		drop_chunk(l, c);
	}
	if (complete) {
		pool_complete(&l->pool, number);
		if (l->pool.leading + 1 == l->pool.next_taken)
			(void)wake_one(&l->last); /* which leads now */
		wake_for_room(l);
	}
	if (number == l->pool.next_parsed)
		(void)wake_one(&l->parser);
}

/* Gives back what was read of a Block, but for the page at its start, which may hold the end of another. */
static void discard_block(const struct pipeline *l, uint64_t position, uint64_t *given_back)
{
	uint64_t page = payload_page_start(l->payload, position);

	payload_discard(l->payload, *given_back, position);
	if (page > *given_back)
		*given_back = page;
}

/* Gives back all before the leading Block: what is still there are the pages on the borders of Blocks, and what
 * lies between them. A payload that still arrives goes on then, whether pages can be given back or not. Called and returns with the
 * lock held. */
static void discard_complete(struct pipeline *l)
{
	const struct block_list *blocks = l->blocks;
	uint64_t from = l->given_back, to = l->payload->size;

	if (l->pool.leading < blocks->n)
		to = blocks->blocks[l->pool.leading].offset;
	l->given_back = payload_page_start(l->payload, to);
	pthread_mutex_unlock(&l->lock);
	if (l->options.discard)
		payload_discard(l->payload, from, to);
	payload_done_before(l->payload, to);
	pthread_mutex_lock(&l->lock);
}

/* Decodes into c, without the lock. */
static int decode_chunk(struct pipeline *l, void *decoder, struct chunk *c, uint64_t *given_back,
			struct fail *f)
{
	const struct codec *codec = l->blocks->codec;
	int r = codec->read(decoder, c->data, PLAN_CHUNK, &c->size, f);

	if (r >= 0 && l->options.discard)
		discard_block(l, codec->position(decoder), given_back);
	if (l->options.progress)
		atomic_fetch_add(&l->options.progress->bytes, c->size);
	return r;
}

static int fail_too_long(const struct pipeline *l, const struct block *block, struct fail *f)
{
	return fail_set(f, EBADMSG, l->payload->name, CODEC_TODO_COPY,
			"Block %llu contains more data than its header says",
			(unsigned long long)block->number);
}

/* Decodes one Block; called and returns with the lock held. */
static int decode_block(struct pipeline *l, void *decoder, size_t number, struct fail *f)
{
	const struct block *block = &l->blocks->blocks[number];
	void *run = pool_run(&l->pool, number);
	uint64_t given_back = block->offset;
	struct chunk *c;
	int r;

	pthread_mutex_unlock(&l->lock);
	r = l->blocks->codec->start(decoder, block, f);
	if (r == 0 && run)
		l->blocks->codec->start_whole(decoder, run);
	pthread_mutex_lock(&l->lock);
	if (r < 0)
		return r;
	do {
		if (pool_block(&l->pool, number)->owed == 0)
			return fail_too_long(l, block, f);
		c = wait_for_chunk(l, number);
		if (!c)
			return 0;
		pthread_mutex_unlock(&l->lock);
		r = decode_chunk(l, decoder, c, &given_back, f);
		pthread_mutex_lock(&l->lock);
		if (r >= 0)
			hand_over(l, number, c, r == 0);
	} while (r > 0);
	if (r == 0)
		discard_complete(l);
	return r;
}

/* The same, and notes when that was. */
static int decode_timed(struct pipeline *l, void *decoder, size_t block, unsigned number,
			struct fail *f)
{
	uint64_t start = now_usec();
	int r = decode_block(l, decoder, block, f);

	if (r == 0 && block < l->options.n_times)
		l->options.times[block] = (struct block_time){ start, now_usec(), number };
	return r;
}

/* Until the end or a failure; called and returns with the lock held. decoder NULL: only writes. */
static int work(struct pipeline *l, void *decoder, unsigned number, struct fail *f)
{
	size_t block;
	int r = 0;

	while (r == 0 && !l->stop) {
		if (run_write(l))
			continue;
		if (decoder && begin_block(l, &block))
			r = decode_timed(l, decoder, block, number, f);
		else
			wait_in(l, decoder ? &l->decoders : &l->writers);
	}
	return r;
}

static void *worker(void *arg)
{
	struct pipeline *l = arg;
	void *decoder = NULL;
	unsigned number;
	struct fail f;
	int r = 0;

	pthread_mutex_lock(&l->lock);
	number = l->workers_started++;
	pthread_mutex_unlock(&l->lock);
	if (number < l->n_decoders)
		r = l->blocks->codec->decoder_new(l->payload, l->blocks, &decoder);
	if (r < 0)
		fail_errno(&f, r, "the unpack engine", "cannot create a decoder");
	pthread_mutex_lock(&l->lock);
	if (r == 0)
		r = work(l, decoder, number, &f);
	if (r < 0)
		store_failure(l, &f);
	pthread_mutex_unlock(&l->lock);
	l->blocks->codec->decoder_free(decoder);
	return NULL;
}

/* ---- start and stop ---- */

static int make_pool(struct pipeline *l, const struct engine_plan *plan)
{
	size_t n = plan->pool < 2 * PLAN_CHUNK ? 2 : plan->pool / PLAN_CHUNK;

	return pool_make(&l->pool, l->blocks, n, plan->threads, plan->whole);
}

static void free_pipeline(struct pipeline *l)
{
	pool_free(&l->pool);
	pthread_cond_destroy(&l->writers.wake);
	pthread_cond_destroy(&l->decoders.wake);
	pthread_cond_destroy(&l->last.wake);
	pthread_cond_destroy(&l->leader.wake);
	pthread_cond_destroy(&l->parser.wake);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

int pipeline_start(const struct payload *p, const struct block_list *blocks,
		   const struct engine_plan *plan, const struct pipeline_options *options,
		   struct pipeline **ret, struct fail *f)
{
	struct pipeline *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return fail_errno(f, ENOMEM, "the unpack engine", "cannot start");
	l->payload = p;
	l->blocks = blocks;
	l->options = *options;
	l->page = (uint64_t)sysconf(_SC_PAGESIZE);
	l->n_decoders = plan->decoders > 0 ? plan->decoders : 1;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->parser.wake, NULL);
	pthread_cond_init(&l->leader.wake, NULL);
	pthread_cond_init(&l->last.wake, NULL);
	pthread_cond_init(&l->decoders.wake, NULL);
	pthread_cond_init(&l->writers.wake, NULL);
	r = make_pool(l, plan);
	if (r == 0)
		r = threads_start(l->threads, plan->threads, worker, l, &l->n_threads);
	if (r < 0) {
		free_pipeline(l);
		return fail_errno(f, r, "the unpack engine", "cannot start its threads");
	}
	if (blocks->n > 0)
		payload_done_before(p, blocks->blocks[0].offset);
	*ret = l;
	return 0;
}

unsigned pipeline_threads(const struct pipeline *l)
{
	return l->n_threads;
}

/* Gives up what is still queued; the workers are gone. */
static void drop_writes(struct pipeline *l)
{
	struct fail unused;

	for (; l->n_writes > 0; l->n_writes--) {
		tree_file_release(l->writes[l->first_write].file, false, &unused);
		l->first_write = (l->first_write + 1) % WRITES_MAX;
	}
}

int pipeline_stop(struct pipeline *l, int error, struct fail *f)
{
	int r;

	pthread_mutex_lock(&l->lock);
	if (error < 0)
		store_failure(l, f);
	stop_all(l);
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < l->n_threads; i++)
		pthread_join(l->threads[i], NULL);
	drop_writes(l);
	r = -l->fail.error;
	if (r < 0)
		*f = l->fail;
	free_pipeline(l);
	return r;
}

/* ---- the parser's side ---- */

/* The next chunk of the Block that the parser reads, moving on to later Blocks; NULL at the end or when
 * someone failed. Called with the lock held. */
static struct chunk *wait_for_data(struct pipeline *l)
{
	struct pool *pool = &l->pool;
	struct block_state *state;
	struct chunk *c;

	while (!l->stop) {
		if (pool->next_parsed < pool->next_taken) {
			state = pool_block(pool, pool->next_parsed);
			c = state->first;
			if (c) {
				state->first = c->next;
				if (!c->next)
					state->last = NULL;
				return c;
			}
			if (state->complete) {
				pool->next_parsed++;
				wake_decoder(l); /* the ring of Blocks may have been full */
				continue;
			}
		} else if (pool_all_taken(pool)) {
			return NULL;
		}
		if (!run_write(l))
			wait_in(l, &l->parser);
	}
	return NULL;
}

int pipeline_next(struct pipeline *l, const void **ret_data, size_t *ret_size)
{
	int r;

	pthread_mutex_lock(&l->lock);
	if (l->current)
		drop_chunk(l, l->current);
	l->current = wait_for_data(l);
	r = l->fail.error ? -l->fail.error : l->current != NULL;
	pthread_mutex_unlock(&l->lock);
	if (r > 0) {
		*ret_data = l->current->data;
		*ret_size = l->current->size;
	}
	return r;
}

static bool in_current_chunk(const struct pipeline *l, const void *data)
{
	return l->current && (const unsigned char *)data >= l->current->data &&
	       (const unsigned char *)data < l->current->data + l->current->size;
}

/* For a write that is queued now. */
static void wake_writer(struct pipeline *l)
{
	if (!wake_one(&l->writers) && !wake_one(&l->decoders) && !wake_one(&l->last))
		(void)wake_one(&l->leader);
}

/* Adds to the queue and takes over the hold on the file that goes with it, and on the chunk. Called and left with the lock
 * held; waits for room. */
static void queue_write(struct pipeline *l, struct write w)
{
	struct fail unused;

	while (!l->stop && l->n_writes == WRITES_MAX)
		run_write(l);
	if (l->stop) {
		tree_file_release(w.file, false, &unused);
		if (w.chunk)
			drop_chunk(l, w.chunk);
		return;
	}
	l->writes[(l->first_write + l->n_writes++) % WRITES_MAX] = w;
	l->unwritten += write_bytes(l, &w);
	wake_writer(l);
}

/* The start of an archive whose first Blocks are small lies in a buffer of root_read.c, which no chunk's count keeps. */
static int write_now(struct pipeline *l, struct tree_file *file, const void *data, size_t size,
		     uint64_t offset)
{
	struct fail f;
	int r = tree_file_write(file, data, size, offset, &f);

	pthread_mutex_lock(&l->lock);
	if (r < 0)
		store_failure(l, &f);
	r = -l->fail.error;
	pthread_mutex_unlock(&l->lock);
	return r;
}

int pipeline_write(struct pipeline *l, struct tree_file *file, const void *data, size_t size,
		   uint64_t offset)
{
	struct write w = {
		.file = file, .chunk = l->current, .data = data, .size = size, .offset = offset
	};
	int r;

	if (!in_current_chunk(l, data))
		return write_now(l, file, data, size, offset);
	tree_file_hold(file);
	pthread_mutex_lock(&l->lock);
	w.chunk->refs++;
	queue_write(l, w);
	r = -l->fail.error;
	pthread_mutex_unlock(&l->lock);
	return r;
}

int pipeline_close(struct pipeline *l, struct tree_file *file)
{
	int r;

	pthread_mutex_lock(&l->lock);
	queue_write(l, (struct write){ .file = file });
	r = -l->fail.error;
	pthread_mutex_unlock(&l->lock);
	return r;
}

uint64_t pipeline_unwritten(struct pipeline *l)
{
	uint64_t bytes;

	pthread_mutex_lock(&l->lock);
	bytes = l->unwritten;
	pthread_mutex_unlock(&l->lock);
	return bytes;
}

int pipeline_drain(struct pipeline *l)
{
	int r;

	pthread_mutex_lock(&l->lock);
	while (!l->stop && (l->n_writes > 0 || l->writes_running > 0))
		if (!run_write(l))
			wait_in(l, &l->parser);
	r = -l->fail.error;
	pthread_mutex_unlock(&l->lock);
	return r;
}
