/* Calls unpack_run() while another thread draws the progress. */
#include "image/image_unpack.h"

#include <pthread.h>

#include "base/memory.h"
#include "base/print.h"

struct watch {
	struct unpack_progress progress;
	const char *doing;
	_Atomic bool done; /* written by the engine's caller, read by the watcher */
};

static void *watch_progress(void *arg)
{
	struct watch *w = arg;

	while (!atomic_load(&w->done)) {
		print_progress(w->doing, atomic_load(&w->progress.bytes),
			       atomic_load(&w->progress.total));
		usleep(50000);
	}
	print_progress_end();
	return NULL;
}

static int run(const struct image *image, struct unpack_options *options, const char *doing,
	       struct unpack_result *ret, struct fail *f)
{
	struct watch w = { .doing = doing };
	bool watched = print_draws_progress();
	pthread_t thread;
	int r;

	options->progress = &w.progress;
	if (watched)
		watched = pthread_create(&thread, NULL, watch_progress, &w) == 0;
	r = unpack_run(&image->payload, options, ret, f);
	atomic_store(&w.done, true);
	if (watched)
		pthread_join(thread, NULL);
	return r;
}

/* For the names of the root, which may take a quarter of the memory that is free. */
static int names_new(struct root_tree **ret, struct fail *f)
{
	int r = root_tree_new(memory_share(4), ret);

	return r < 0 ? fail_errno(f, r, "the root", "cannot hold its names") : 0;
}

int image_unpack(const struct image *image, const struct unpack_options *given, const char *doing,
		 struct unpack_result *ret, struct fail *f)
{
	struct unpack_options options = *given;
	struct block_list blocks = { 0 };
	int r = options.blocks ? 0 : image_read_blocks(image, &blocks, f);

	if (!options.blocks)
		options.blocks = &blocks;
	if (r == 0 && options.root_fd < 0)
		r = names_new(&options.names, f);
	if (r == 0)
		r = run(image, &options, doing, ret, f);
	root_tree_free(options.names);
	block_list_free(&blocks);
	return r;
}
