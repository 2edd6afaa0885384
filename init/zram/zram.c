/* When, how much, and what must not be swapped; see zram.h. */
#include "zram/zram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/console.h"
#include "devices/modules.h"
#include "engine/plan.h"
#include "image/zramguess.h"
#include "zram/zram_device.h"

#define LOAD_MS 10000         /* to load a module */
#define RELIABLE (8ULL << 20) /* stored bytes from which the real ratio counts */
#define PAGE_CLUSTER "/proc/sys/vm/page-cluster"

/* From the best on. Others that a kernel has are taken as they come. */
static const char *const algorithms[] = { "zstd", "lz4" };

/* ---- whether, and how large ---- */

static uint64_t archive_of(const struct boot *b)
{
	return b->fetch.arrives ? b->fetch.payload_bytes : b->payload.size;
}

/* Bytes of tar in an archive, which may not be known: few shrink to less than a sixth. */
static uint64_t guess_tar(const struct block_list *blocks, uint64_t archive)
{
	return min_u64(blocks->uncompressed, multiply_u64(archive, 6));
}

/* Without a manifest it is the tar's size at least. */
static uint64_t tree_of(const struct boot *b)
{
	uint64_t guess = guess_tar(&b->blocks, archive_of(b));

	for (size_t i = 0; i < b->n_layers; i++)
		guess = add_u64(guess, guess_tar(&b->layers[i].blocks, b->layers[i].payload.size));
	return b->need.is_estimate && guess > b->need.tree ? guess : b->need.tree;
}

/* Would memory not do, or hardly? */
static bool is_short(const struct boot *b, const struct memory *m)
{
	struct rootsize_need need = b->need;
	struct engine_plan least;

	engine_plan(&b->blocks, 1, 0, &least);
	need.tree = tree_of(b);
	return rootsize_left(m, &need) < least.memory + need.tree / 4;
}

static uint64_t size_of(const struct boot *b, const struct memory *m)
{
	const struct zram_param *p = &b->params.zram;

	switch (p->kind) {
	case ZRAM_BYTES:
		return p->value;
	case ZRAM_PERCENT:
		return m->total / 100 * p->value;
	default:
		return zramguess_size(tree_of(b), m->total);
	}
}

/* ---- what must stay in RAM ---- */

static void lock_part(struct zram *z, const struct payload_part *part)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), from = part->offset / page * page;
	size_t size = (size_t)(part->offset + part->size - from);
	struct zram_lock *locks = array_one_more(z->locks, z->n_locks, sizeof(*locks));
	void *at;

	if (!locks)
		return;
	z->locks = locks;
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, part->fd, (off_t)from);
	if (at == MAP_FAILED)
		return;
	(void)madvise(at, size, MADV_DONTFORK);
	(void)mlock(at, size);
	locks[z->n_locks++] = (struct zram_lock){ at, size };
}

/* The archive is older than the tree, and would be swapped first. Pages that are given back are unlocked. */
static void lock_payload(struct boot *b)
{
	for (size_t i = 0; !b->fetch.arrives && i < b->payload.n_parts; i++)
		lock_part(&b->zram, &b->payload.parts[i]);
	for (size_t i = 0; i < b->n_layers; i++)
		for (size_t j = 0; j < b->layers[i].payload.n_parts; j++)
			lock_part(&b->zram, &b->layers[i].payload.parts[j]);
}

void zram_unlock_payload(struct zram *z)
{
	for (size_t i = 0; i < z->n_locks; i++)
		(void)munmap(z->locks[i].at, z->locks[i].size);
	free(z->locks);
	z->locks = NULL;
	z->n_locks = 0;
}

void zram_lock_process(const struct zram *z)
{
	if (!*z->device)
		return;
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		(void)mlockall(MCL_CURRENT | MCL_FUTURE);
}

/* ---- setting it up ---- */

static void run_modules(void *arg, int parent)
{
	struct modules *m = modules_open("/");
	const char *const *name = arg;

	(void)parent;
	if (m)
		modules_load(m, *name);
}

/* One that is in the kernel, or not in the image, is no failure here: it shows in what follows. */
static void load_module(struct boot *b, const char *name)
{
	struct background g = { .what = "the process that loads zram" };

	if (!b->params.hotplug || background_start(&g, run_modules, &name) < 0)
		return;
	(void)background_wait(&g, LOAD_MS);
	(void)background_end(&g, 0, NULL);
}

/* A page at a time: reading eight at once is for disks. */
static void read_single_pages(void)
{
	_cleanup_close_ int fd = open(PAGE_CLUSTER, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "0", 1);
}

/* The best compressor that this kernel takes; else what it has chosen itself. */
static void choose_compressor(struct boot *b)
{
	struct zram *z = &b->zram;
	int r = -EINVAL;

	for (size_t i = 0; r < 0 && i < ARRAY_SIZE(algorithms); i++) {
		load_module(b, algorithms[i]);
		r = zram_device_choose(z->device, algorithms[i]);
	}
	zram_device_algorithm(z->device, z->algorithm);
}

static int start(struct boot *b, uint64_t size)
{
	struct zram *z = &b->zram;
	int r;

	load_module(b, "zram");
	z->size = size;
	r = zram_device_find(z->device);
	if (r < 0)
		return r;
	choose_compressor(b);
	r = zram_device_swap(z->device, z->size);
	if (r < 0)
		return r;
	z->use_fd = zram_device_open_use(z->device);
	read_single_pages();
	zram_lock_process(z);
	return 0;
}

/* Has the image the module, which tarboot.hotplug=off keeps from being loaded? */
static bool is_kept_out(const struct boot *b)
{
	struct modules *m = b->params.hotplug ? NULL : modules_open("/");
	bool has = m && modules_has(m, "zram");

	if (m)
		modules_close(m);
	return has;
}

static void note_missing(const struct boot *b)
{
	bool is_kept = is_kept_out(b);

	if (b->params.zram.kind != ZRAM_AUTO)
		console_log(LOG_WARNING,
			    is_kept ? "tarboot.zram= asks for zram, and tarboot.hotplug=off keeps "
				      "its module from being loaded"
				    : "tarboot.zram= asks for zram, which neither the kernel nor "
				      "the image has");
	else
		console_log(LOG_NOTICE,
			    is_kept ? "the root hardly fits into RAM, and tarboot.hotplug=off "
				      "keeps the module zram from being loaded"
				    : "the root hardly fits into RAM, and neither the kernel nor "
				      "the image has zram");
}

static void note_without(struct boot *b, int r)
{
	snprintf(b->detail, sizeof(b->detail), "none");
	if (r == -ENODEV)
		note_missing(b);
	else
		console_log(LOG_WARNING, "zram cannot be set up: %s", strerror(-r));
}

/* The device once; what depends on the payload at each try. */
static int set_up(struct boot *b, uint64_t size)
{
	struct zram *z = &b->zram;
	int r = *z->device ? 0 : start(b, size);

	if (r < 0) {
		*z = (struct zram){ .use_fd = -1 };
		return r;
	}
	z->ratio = zramguess_ratio(z->algorithm, archive_of(b), b->blocks.uncompressed);
	lock_payload(b);
	return 0;
}

int zram_set_up(struct boot *b)
{
	const struct zram_param *p = &b->params.zram;
	char size[SIZE_TEXT_MAX];
	struct memory m;
	int r;

	b->has_nothing_to_do = p->kind == ZRAM_OFF || memory_read(&m) < 0 ||
			       (p->kind == ZRAM_AUTO && !*b->zram.device && !is_short(b, &m));
	if (b->has_nothing_to_do)
		return 0;
	r = set_up(b, size_of(b, &m));
	if (r < 0)
		note_without(b, r);
	else
		snprintf(b->detail, sizeof(b->detail),
			 "up to %s in %s, by %s: %u.%02u : 1 is expected",
			 size_format(size, b->zram.size), b->zram.device, b->zram.algorithm,
			 b->zram.ratio / 100, b->zram.ratio % 100);
	return 0;
}

/* ---- what it is good for ---- */

uint64_t zram_will_gain(const struct boot *b)
{
	const struct zram *z = &b->zram;
	struct rootsize_need need = b->need;

	need.tree = tree_of(b);
	return *z->device ? zramguess_gain(min_u64(rootsize_swappable(&need), z->size), z->ratio)
			  : 0;
}

static const char *advice(const struct boot *b)
{
	if (b->params.zram.kind == ZRAM_OFF)
		return " Or leave out tarboot.zram=off.";
	if (!*b->zram.device)
		return is_kept_out(b) ? " Or leave out tarboot.hotplug=off."
				      : " Or pack it with the module zram.";
	return b->params.zram.kind != ZRAM_AUTO ? " Or leave out tarboot.zram=." : "";
}

void zram_advise(const struct boot *b, struct fail *f)
{
	size_t used = strlen(f->todo);

	if (strcmp(f->what, "memory") == 0 && b->need.engine < tree_of(b))
		snprintf(f->todo + used, sizeof(f->todo) - used, "%s", advice(b));
}

/* What is, once enough is in it to tell. */
static unsigned ratio_now(const struct zram *z, const struct zram_use *use)
{
	if (use->stored < RELIABLE || use->taken == 0)
		return z->ratio;
	return (unsigned)min_u64(use->stored / (use->taken / 100 + 1), 10000);
}

/* Where the kernel cannot be told not to swap them, a part of the incompressible bytes may be in zram, too: it tells nothing of the others. */
uint64_t zram_can_gain(const struct zram *z, const struct memory *m, uint64_t incompressible)
{
	uint64_t swappable = min_u64(m->swappable, m->swap_free), swapped;
	struct zram_use use = { 0 };

	if (!*z->device)
		return 0;
	(void)zram_device_use(z->use_fd, &use);
	swapped = min_u64(min_u64(use.incompressible, use.taken), incompressible);
	use.stored -= swapped;
	use.taken -= swapped;
	incompressible -= swapped;
	return swappable > incompressible
		       ? zramguess_gain(swappable - incompressible, ratio_now(z, &use))
		       : 0;
}

void zram_conclude(struct boot *b)
{
	struct zram *z = &b->zram;
	char stored[SIZE_TEXT_MAX], taken[SIZE_TEXT_MAX];
	unsigned ratio;

	if (!*z->device || !zram_device_use(z->use_fd, &z->use))
		return;
	ratio = ratio_now(z, &z->use);
	if (z->use.stored < RELIABLE)
		console_log(LOG_NOTICE, "zram: there was no need of it");
	else
		console_log(LOG_NOTICE, "zram: %s are in %s of RAM (%u.%02u : 1)",
			    size_format(stored, z->use.stored), size_format(taken, z->use.taken),
			    ratio / 100, ratio % 100);
}
