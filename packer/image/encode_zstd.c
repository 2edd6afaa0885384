/*
 * By libzstd, each frame by one thread: content size and checksum in each, and bytes that do not depend on the others. The thread
 * that adds fills a ring of jobs in order and writes them out in order; workers compress those that are full.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/cpus.h"
#include "base/threads.h"
#include "base/util.h"
#include "image/encode.h"

#define FRAME_SIZE (16ULL << 20)
#define THREADS_MAX 1024 /* as --threads has it */

/* Its buffers belong to who adds until it is given, to the worker until it is done, and to who adds again. */
struct job {
	bool is_done, has_failed; /* under lock */
	uint8_t *in, *out;        /* frame_size and out_room bytes */
	size_t in_size, out_size;
};

struct encoder {
	encode_output *output;
	void *arg;
	int level;
	size_t frame_size, out_room;
	struct job *jobs; /* n_threads + 1 of them: one is filled while the others are compressed */
	size_t n_jobs;
	size_t written; /* jobs, from the start */
	pthread_t threads[THREADS_MAX];
	unsigned n_threads;
	pthread_mutex_t lock;
	pthread_cond_t full, done;
	size_t taken; /* under lock: jobs that workers took, from the start */
	size_t given; /* under lock: jobs that are full, from the start; the next one is being filled */
	bool stop; /* under lock */
};

static const int levels[] = { [ENCODE_FAST] = 3, [ENCODE_NORMAL] = 19, [ENCODE_BEST] = 22 };

/* ---- workers ---- */

static bool compress_job(const struct encoder *e, ZSTD_CCtx *context, struct job *j)
{
	size_t n;

	if (!context)
		return false;
	n = ZSTD_compress2(context, j->out, e->out_room, j->in, j->in_size);
	j->out_size = n;
	return !ZSTD_isError(n);
}

static void *worker(void *arg)
{
	struct encoder *e = arg;
	ZSTD_CCtx *context = ZSTD_createCCtx();
	struct job *j;
	bool good;

	if (context) {
		(void)ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, e->level);
		(void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	}
	pthread_mutex_lock(&e->lock);
	while (!e->stop) {
		if (e->taken == e->given) {
			pthread_cond_wait(&e->full, &e->lock);
			continue;
		}
		j = &e->jobs[e->taken++ % e->n_jobs];
		pthread_mutex_unlock(&e->lock);
		good = compress_job(e, context, j);
		pthread_mutex_lock(&e->lock);
		j->is_done = true;
		j->has_failed = !good;
		pthread_cond_signal(&e->done);
	}
	pthread_mutex_unlock(&e->lock);
	ZSTD_freeCCtx(context);
	return NULL;
}

/* ---- the caller's thread ---- */

static void zstd_free(struct encoder *e)
{
	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->stop = true;
	pthread_cond_broadcast(&e->full);
	pthread_mutex_unlock(&e->lock);
	for (unsigned i = 0; i < e->n_threads; i++)
		pthread_join(e->threads[i], NULL);
	for (size_t i = 0; e->jobs && i < e->n_jobs; i++) {
		free(e->jobs[i].in);
		free(e->jobs[i].out);
	}
	free(e->jobs);
	pthread_cond_destroy(&e->done);
	pthread_cond_destroy(&e->full);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static int make_jobs(struct encoder *e, unsigned threads)
{
	e->jobs = calloc(threads + 1, sizeof(*e->jobs));
	if (!e->jobs)
		return -ENOMEM;
	e->n_jobs = threads + 1;
	for (size_t i = 0; i < e->n_jobs; i++) {
		e->jobs[i].in = malloc(e->frame_size);
		e->jobs[i].out = malloc(e->out_room);
		if (!e->jobs[i].in || !e->jobs[i].out)
			return -ENOMEM;
	}
	return 0;
}

static unsigned count_threads(unsigned asked)
{
	return (unsigned)min_u64(asked ? asked : cpus_usable(), THREADS_MAX);
}

static int zstd_open(const struct encode_settings *s, encode_output *output, void *arg,
		     struct encoder **ret)
{
	struct encoder *e = calloc(1, sizeof(*e));
	unsigned threads = count_threads(s->threads);
	int r;

	if (!e)
		return -ENOMEM;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->full, NULL);
	pthread_cond_init(&e->done, NULL);
	e->output = output;
	e->arg = arg;
	e->level = levels[s->level];
	e->frame_size = s->block_size ? (size_t)s->block_size : FRAME_SIZE;
	e->out_room = ZSTD_compressBound(e->frame_size);
	r = make_jobs(e, threads);
	if (r == 0)
		r = threads_start(e->threads, threads, worker, e, &e->n_threads);
	if (r == 0)
		*ret = e;
	else
		zstd_free(e);
	return r;
}

/* Waits for the oldest job that is not written, and writes it. */
static int write_oldest(struct encoder *e, struct fail *f)
{
	struct job *j = &e->jobs[e->written % e->n_jobs];
	int r;

	pthread_mutex_lock(&e->lock);
	while (!j->is_done)
		pthread_cond_wait(&e->done, &e->lock);
	r = j->has_failed ? encode_fail(ENOMEM, f) : 0;
	j->is_done = false;
	pthread_mutex_unlock(&e->lock);
	if (r == 0)
		r = e->output(e->arg, j->out, j->out_size, f);
	j->in_size = 0;
	e->written++;
	return r;
}

static int give(struct encoder *e, struct fail *f)
{
	pthread_mutex_lock(&e->lock);
	e->given++;
	pthread_cond_signal(&e->full);
	pthread_mutex_unlock(&e->lock);
	return e->given - e->written == e->n_jobs ? write_oldest(e, f) : 0;
}

static int zstd_add(struct encoder *e, const void *data, size_t size, struct fail *f)
{
	const uint8_t *at = data;
	size_t n;
	int r = 0;

	for (; r == 0 && size > 0; at += n, size -= n) {
		struct job *j = &e->jobs[e->given % e->n_jobs];

		n = (size_t)min_u64(size, e->frame_size - j->in_size);
		memcpy(j->in + j->in_size, at, n);
		j->in_size += n;
		if (j->in_size == e->frame_size)
			r = give(e, f);
	}
	return r;
}

/* Of nothing it makes an empty frame: an empty file is no zstd file. */
static int zstd_finish(struct encoder *e, struct fail *f)
{
	bool is_left = e->jobs[e->given % e->n_jobs].in_size > 0 || e->given == 0;
	int r = is_left ? give(e, f) : 0;

	while (r == 0 && e->written < e->given)
		r = write_oldest(e, f);
	return r;
}

const struct encode_kind encode_zstd = { .name = "zstd",
					 .suffix = ".zst",
					 .open = zstd_open,
					 .add = zstd_add,
					 .finish = zstd_finish,
					 .free = zstd_free };
