/* Calls unpack_run() while another thread draws the progress. */
#include "image/image_unpack.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "base/memory.h"
#include "base/print.h"
#include "image/pinned.h"

struct watch {
	struct unpack_progress progress;
	const char *doing;
	sem_t done;
};

/* Waits that long, or until the unpacking is done: it may take less. */
static bool is_done_within(struct watch *w, long nsec)
{
	struct timespec until;
	int r;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += nsec;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while ((r = sem_timedwait(&w->done, &until)) < 0 && errno == EINTR)
		;
	return r == 0;
}

static void *watch_progress(void *arg)
{
	struct watch *w = arg;

	do
		print_progress(w->doing, atomic_load(&w->progress.bytes),
			       atomic_load(&w->progress.total));
	while (!is_done_within(w, 50000000));
	print_progress_end();
	return NULL;
}

int image_unpack_payload(const struct payload *payload, struct unpack_options *options,
			 const char *doing, struct unpack_result *ret, struct fail *f)
{
	struct watch w = { .doing = doing };
	bool watched = print_draws_progress() && sem_init(&w.done, 0, 0) == 0;
	pthread_t thread;
	int r;

	options->progress = &w.progress;
	if (watched)
		watched = pthread_create(&thread, NULL, watch_progress, &w) == 0;
	r = unpack_run(payload, options, ret, f);
	if (!watched)
		return r;
	sem_post(&w.done);
	pthread_join(thread, NULL);
	return r;
}

int image_names_new(struct root_tree **ret, struct fail *f)
{
	int r = root_tree_new(memory_share(4), ret);

	return r < 0 ? fail_errno(f, r, "the root", "cannot hold its names") : 0;
}

/* Before anything is written, each Block must be what the manifest in the image says. */
static bool is_to_be_held(const struct image *image, const struct unpack_options *options)
{
	return options->root_fd >= 0 && image->has_manifest && !image->payload.arrival &&
	       pinned_is_possible(&image->manifest) &&
	       image->manifest.payload_bytes == image->payload.size;
}

int image_unpack(const struct image *image, const struct unpack_options *given, const char *doing,
		 struct unpack_result *ret, struct fail *f)
{
	struct unpack_options options = *given;
	struct payload payload = image->payload;
	struct arrival *held = NULL;
	struct block_list blocks = { 0 };
	struct root_tree *own_names = NULL;
	int r = options.blocks ? 0 : image_read_blocks(image, &blocks, f);

	if (!options.blocks)
		options.blocks = &blocks;
	if (r == 0 && options.root_fd < 0 && !options.names) {
		r = image_names_new(&own_names, f);
		options.names = own_names;
	}
	if (r == 0 && is_to_be_held(image, &options)) {
		r = pinned_hold(&image->manifest, &payload, options.blocks, &held, f);
		payload.arrival = held;
	}
	if (r == 0)
		r = image_unpack_payload(&payload, &options, doing, ret, f);
	if (r == 0 && payload.arrival && payload.arrival->n_blocks > 0)
		ret->unchecked = 0; /* each Block had its digest */
	root_tree_free(own_names);
	arrival_free(held);
	block_list_free(&blocks);
	return r;
}
