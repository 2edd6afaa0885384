/*
 * Workers, chunks, write queue: see pipeline.h for the rules.
 *
 * One mutex guards all shared state; it is taken per chunk (256 KiB) and per file, never per byte.
 * One condition variable wakes workers, one wakes the parser.
 */
#include "pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define WRITES_MAX 256 /* queued; also bounds the open files */
#define KEPT_CHUNKS 16 /* not given back at the end */

struct chunk {
	struct chunk *next; /* in the free list or in its job; under lock */
	unsigned refs;      /* under lock: the job, the parser and queued writes */
	size_t size;        /* written by the decoding worker before it hands the chunk over */
	unsigned char *data;
};

/* A Block being decoded or waiting for the parser; all under lock. */
struct job {
	struct chunk *first, *last;
	bool complete; /* decoded to its end */
};

struct write {
	struct tree_file *file;
	struct chunk *chunk; /* referenced; NULL: nothing to write */
	const void *data;
	size_t size;
	uint64_t offset;
};

struct pipeline {
	const struct payload *payload;
	const struct block_list *blocks;
	struct unpack_options options;
	pthread_t threads[PLAN_THREADS_MAX];
	unsigned n_threads;

	pthread_mutex_t lock;
	pthread_cond_t work; /* workers: a chunk is free, a write is queued, stop */
	pthread_cond_t
		result; /* parser: a chunk arrived, a job is complete, the last write was done */

	/* under lock */
	size_t next_taken;  /* Block that the next free worker takes */
	size_t next_parsed; /* Block that the parser reads */
	struct job *jobs;   /* ring of n_jobs, by number of Block */
	size_t n_jobs;
	struct chunk *free, *last_free;
	size_t n_free;
	struct write writes[WRITES_MAX]; /* ring */
	size_t first_write, n_writes;
	unsigned writes_running;
	unsigned workers_started; /* each takes its number from here */
	bool stop;
	struct fail fail; /* the first failure */

	/* parser only */
	struct chunk *current;

	/* set at start, constant */
	struct chunk *chunks;
	unsigned char *memory;
	size_t memory_size;
};

/* ---- shared state, called with the lock held ---- */

static void store_failure(struct pipeline *l, const struct fail *f)
{
	if (l->fail.error == 0)
		l->fail = *f;
	l->stop = true;
	pthread_cond_broadcast(&l->work);
	pthread_cond_broadcast(&l->result);
}

static bool all_taken(const struct pipeline *l)
{
	return l->next_taken == l->blocks->n;
}

static struct job *job_at(struct pipeline *l, size_t number)
{
	return &l->jobs[number % l->n_jobs];
}

/* The chunk used last is used next: it is still in the cache. */
static void put_first(struct pipeline *l, struct chunk *c)
{
	c->next = l->free;
	l->free = c;
	if (!c->next)
		l->last_free = c;
}

static void put_last(struct pipeline *l, struct chunk *c)
{
	c->next = NULL;
	if (l->free)
		l->last_free->next = c;
	else
		l->free = c;
	l->last_free = c;
}

/* Once the last Block is taken, what the tree gains the pool gives back, but for a few chunks that go
 * on: the most memory is then the tree and the decoders, not the tree and a full pool. */
static void drop_chunk(struct pipeline *l, struct chunk *c)
{
	if (--c->refs > 0)
		return;
	if (all_taken(l) && l->n_free >= KEPT_CHUNKS) {
		(void)madvise(c->data, PLAN_CHUNK, MADV_DONTNEED);
		put_last(l, c);
	} else {
		put_first(l, c);
	}
	l->n_free++;
	/* Whoever may use it must wake: it can be the one worker that may take the last chunk. */
	pthread_cond_broadcast(&l->work);
}

/* The last free chunk is kept for the Block that the parser waits for. */
static struct chunk *take_chunk(struct pipeline *l, size_t job)
{
	struct chunk *c = l->free;

	if (!c || (l->n_free == 1 && job != l->next_parsed))
		return NULL;
	l->free = c->next;
	l->n_free--;
	c->next = NULL;
	c->refs = 1;
	c->size = 0;
	return c;
}

static bool take_block(struct pipeline *l, size_t *ret_job)
{
	if (all_taken(l) || l->next_taken - l->next_parsed >= l->n_jobs)
		return false;
	*ret_job = l->next_taken++;
	*job_at(l, *ret_job) = (struct job){ 0 };
	return true;
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
	pthread_mutex_unlock(&l->lock);

	if (w.size > 0)
		r = tree_file_write(w.file, w.data, w.size, w.offset, &f);
	if (r < 0)
		tree_file_release(w.file, false, &unused);
	else
		r = tree_file_release(w.file, true, &f);

	pthread_mutex_lock(&l->lock);
	l->writes_running--;
	if (w.chunk)
		drop_chunk(l, w.chunk);
	if (r < 0)
		store_failure(l, &f);
	if (l->n_writes == 0 && l->writes_running == 0)
		pthread_cond_signal(&l->result); /* pipeline_drain waits for that */
	return true;
}

/* ---- workers ---- */

/* Waits for a chunk for job, writing files meanwhile. NULL: stop. */
static struct chunk *wait_for_chunk(struct pipeline *l, size_t job)
{
	struct chunk *c = NULL;

	while (!l->stop && !(c = take_chunk(l, job)))
		if (!run_write(l))
			pthread_cond_wait(&l->work, &l->lock);
	return c;
}

static void hand_over(struct pipeline *l, size_t number, struct chunk *c, bool complete)
{
	struct job *job = job_at(l, number);

	if (c->size > 0) {
		if (job->last)
			job->last->next = c;
		else
			job->first = c;
		job->last = c;
	} else {
		drop_chunk(l, c);
	}
	job->complete = complete;
	if (number == l->next_parsed)
		pthread_cond_signal(&l->result);
}

/* Decodes into c, without the lock. */
static int decode_chunk(struct pipeline *l, void *decoder, struct chunk *c, uint64_t *given_back,
			struct fail *f)
{
	const struct codec *codec = l->blocks->codec;
	int r = codec->read(decoder, c->data, PLAN_CHUNK, &c->size, f);

	if (r >= 0 && l->options.discard) {
		payload_discard(l->payload, *given_back, codec->position(decoder));
		*given_back = codec->position(decoder);
	}
	if (l->options.progress)
		atomic_fetch_add(&l->options.progress->bytes, c->size);
	return r;
}

/* Decodes one Block; called and returns with the lock held. */
static int decode_block(struct pipeline *l, void *decoder, size_t job, struct fail *f)
{
	const struct block *block = &l->blocks->blocks[job];
	uint64_t given_back = block->offset;
	struct chunk *c;
	int r;

	pthread_mutex_unlock(&l->lock);
	r = l->blocks->codec->start(decoder, block, f);
	pthread_mutex_lock(&l->lock);
	if (r < 0)
		return r;
	do {
		c = wait_for_chunk(l, job);
		if (!c)
			return 0;
		pthread_mutex_unlock(&l->lock);
		r = decode_chunk(l, decoder, c, &given_back, f);
		pthread_mutex_lock(&l->lock);
		if (r >= 0)
			hand_over(l, job, c, r == 0);
	} while (r > 0);
	return r;
}

/* The same, and notes when that was. */
static int decode_timed(struct pipeline *l, void *decoder, size_t job, unsigned number,
			struct fail *f)
{
	uint64_t start = now_usec();
	int r = decode_block(l, decoder, job, f);

	if (r == 0 && job < l->options.n_times)
		l->options.times[job] = (struct block_time){ start, now_usec(), number };
	return r;
}

static void *worker(void *arg)
{
	struct pipeline *l = arg;
	void *decoder = NULL;
	unsigned number;
	struct fail f;
	size_t job;
	int r = l->blocks->codec->decoder_new(l->payload, &decoder);

	if (r < 0)
		fail_errno(&f, r, "the unpack engine", "cannot make a decoder");
	pthread_mutex_lock(&l->lock);
	number = l->workers_started++;
	while (r == 0 && !l->stop) {
		if (run_write(l))
			continue;
		if (take_block(l, &job))
			r = decode_timed(l, decoder, job, number, &f);
		else
			pthread_cond_wait(&l->work, &l->lock);
	}
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

	l->n_jobs = n + plan->threads;
	l->jobs = calloc(l->n_jobs, sizeof(*l->jobs));
	l->chunks = calloc(n, sizeof(*l->chunks));
	l->memory_size = n * PLAN_CHUNK;
	l->memory = mmap(NULL, l->memory_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!l->jobs || !l->chunks || l->memory == MAP_FAILED)
		return -ENOMEM;
	for (size_t i = n; i-- > 0;) {
		l->chunks[i].data = l->memory + i * PLAN_CHUNK;
		put_first(l, &l->chunks[i]);
	}
	l->n_free = n;
	return 0;
}

/* Signals are the main thread's business: workers inherit a mask that blocks all. One worker is
 * enough to go on with. */
static int start_workers(struct pipeline *l, unsigned threads)
{
	sigset_t all, old;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && l->n_threads < threads) {
		r = pthread_create(&l->threads[l->n_threads], NULL, worker, l);
		if (r == 0)
			l->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return l->n_threads > 0 ? 0 : -r;
}

static void free_pipeline(struct pipeline *l)
{
	if (l->memory && l->memory != MAP_FAILED)
		munmap(l->memory, l->memory_size);
	pthread_cond_destroy(&l->result);
	pthread_cond_destroy(&l->work);
	pthread_mutex_destroy(&l->lock);
	free(l->chunks);
	free(l->jobs);
	free(l);
}

int pipeline_start(const struct payload *p, const struct block_list *blocks,
		   const struct engine_plan *plan, const struct unpack_options *options,
		   struct pipeline **ret, struct fail *f)
{
	struct pipeline *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return fail_errno(f, ENOMEM, "the unpack engine", "cannot start");
	l->payload = p;
	l->blocks = blocks;
	l->options = *options;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->work, NULL);
	pthread_cond_init(&l->result, NULL);
	r = make_pool(l, plan);
	if (r == 0)
		r = start_workers(l, plan->threads);
	if (r < 0) {
		free_pipeline(l);
		return fail_errno(f, r, "the unpack engine", "cannot start its threads");
	}
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
	l->stop = true;
	pthread_cond_broadcast(&l->work);
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

/* The next chunk of the job that the parser reads, moving on to later jobs; NULL at the end or when
 * someone failed. Called with the lock held. */
static struct chunk *wait_for_data(struct pipeline *l)
{
	struct job *job;
	struct chunk *c;

	while (!l->stop) {
		if (l->next_parsed < l->next_taken) {
			job = job_at(l, l->next_parsed);
			c = job->first;
			if (c) {
				job->first = c->next;
				if (!c->next)
					job->last = NULL;
				return c;
			}
			if (job->complete) {
				/* The new first Block may now take the last chunk. */
				l->next_parsed++;
				pthread_cond_broadcast(&l->work);
				continue;
			}
		} else if (all_taken(l)) {
			return NULL;
		}
		/* With one worker, which may wait for a chunk, this thread must write too. */
		if (!run_write(l))
			pthread_cond_wait(&l->result, &l->lock);
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

int pipeline_write(struct pipeline *l, struct tree_file *file, const void *data, size_t size,
		   uint64_t offset, bool last)
{
	struct write w = { .file = file, .data = data, .size = size, .offset = offset };
	struct fail f, unused;
	int r = 0;

	/* libarchive brings bytes that lie on both sides of a chunk border together in a buffer of
	 * its own, which will not live long enough to be queued. */
	if (size > 0 && !in_current_chunk(l, data)) {
		r = tree_file_write(file, data, size, offset, &f);
		w.size = 0;
	}
	pthread_mutex_lock(&l->lock);
	if (r < 0)
		store_failure(l, &f);
	while (!l->stop && l->n_writes == WRITES_MAX)
		run_write(l);
	if (l->stop) {
		if (last)
			tree_file_release(file, false, &unused);
	} else if (w.size > 0 || last) {
		if (w.size > 0) {
			w.chunk = l->current;
			w.chunk->refs++;
		}
		if (!last)
			tree_file_hold(file);
		l->writes[(l->first_write + l->n_writes++) % WRITES_MAX] = w;
		pthread_cond_signal(&l->work);
	}
	r = -l->fail.error;
	pthread_mutex_unlock(&l->lock);
	return r;
}

int pipeline_drain(struct pipeline *l)
{
	int r;

	pthread_mutex_lock(&l->lock);
	while (!l->stop && (l->n_writes > 0 || l->writes_running > 0))
		if (!run_write(l))
			pthread_cond_wait(&l->result, &l->lock);
	r = -l->fail.error;
	pthread_mutex_unlock(&l->lock);
	return r;
}
