/*
 * The parser: one reader, of tar or cpio, fed with the pipeline's chunks. It alone decides what happens to names,
 * in archive order; file data goes back to the pipeline.
 */
#include "engine/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/files_limit.h"
#include "base/inroot.h"
#include "base/memory.h"
#include "engine/pipeline.h"
#include "tar/root_read.h"
#include "base/size.h"
#include "tree/whiteout.h"

#define THREAD_SPACE (256ULL << 10) /* address space of a stack with its guard */
#define THREAD_PAGES 4 /* beside it: what a decoder takes ends in pages, which may have 64 KiB */
#define PROGRAM_SPACE (32ULL << 20)

struct unpack {
	struct pipeline *pipeline;
	struct tree *tree; /* NULL: check only */
	struct root_reader *root;
	const struct unpack_options *options;
	struct fail *fail;
	bool is_layer;
	bool is_over;                /* the payload */
	struct unpack_result before; /* what the archives before this one came to */
	uint64_t bytes;              /* of the archive that the parser has got */
	/* How many bytes of all may be done before options->may_go_on is asked again. */
	uint64_t next_ask;
};

/* Chunks alone would be too rare: a small one of the smallest members becomes many pages. */
static int ask(struct unpack *u, uint64_t bytes, struct fail *f)
{
	const struct unpack_options *o = u->options;

	bytes += u->before.bytes;
	if (bytes < u->next_ask || !o->may_go_on)
		return 0;
	return o->may_go_on(o->may_go_on_arg, bytes, pipeline_unwritten(u->pipeline), &u->next_ask,
			    f);
}

/* A failed pipeline knows why; pipeline_stop tells it. */
static int next_chunk(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct unpack *u = arg;
	int r = ask(u, u->bytes, f);

	if (r < 0)
		return r;
	r = pipeline_next(u->pipeline, ret_data, ret_size);
	if (r > 0)
		u->bytes += *ret_size;
	return r;
}

static bool tells_data(const struct unpack *u)
{
	return u->options->data && !u->is_over;
}

/* Sends the data of one member to its file, if there is one; holes are not sent. */
static int take_data(struct unpack *u, struct tree_file *file)
{
	struct fail unused;
	const void *data;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = root_reader_data(u->root, &data, &size, &offset, u->fail)) > 0) {
		if (tells_data(u))
			u->options->data(u->options->member_arg, offset, size);
		r = file ? pipeline_write(u->pipeline, file, data, size, offset) : 0;
		if (r < 0)
			break;
	}
	if (!file)
		return r;
	if (r == 0)
		return pipeline_close(u->pipeline, file);
	tree_file_release(file, false, &unused);
	return r;
}

/* Where a layer lies over nothing, what it links to may be in the root that it is for. */
static int add_to_names(const struct unpack *u, const struct member *m)
{
	struct root_tree *names = u->options->names;
	struct member file = *m;
	struct root_name *unused;

	if (!u->options->is_layer || m->type != MEMBER_HARDLINK || inroot_path_leaves(m->target) ||
	    root_tree_find(names, m->target, false, &unused) == 0)
		return root_tree_add(names, m, u->fail);
	file.type = MEMBER_FILE;
	return root_tree_add(names, &file, u->fail);
}

/* In the tree, or where there is none, in its model. */
static int add_name(struct unpack *u, const struct member *m, struct tree_file **ret_file)
{
	struct root_tree *names = u->options->names;
	int r = 1;

	if (u->tree)
		return tree_add(u->tree, m, ret_file, u->fail);
	if (names && u->is_layer && !inroot_path_leaves(m->path))
		r = whiteout_apply(names, m->path, u->fail);
	if (r > 0)
		r = names ? add_to_names(u, m) : 0;
	return r;
}

static void tell_member(const struct unpack *u, const struct member *m)
{
	const struct unpack_options *o = u->options;

	if (!u->is_over && o->member)
		o->member(o->member_arg, m, root_reader_position(u->root));
	if (u->is_over && o->layer_member)
		o->layer_member(o->layer_arg, m);
}

static int add_member(struct unpack *u, const struct member *m)
{
	struct tree_file *file = NULL;
	int r = ask(u, root_reader_position(u->root), u->fail);

	if (r < 0)
		return r;
	r = add_name(u, m, &file);
	if (u->options->progress)
		atomic_store(&u->options->progress->members,
			     u->before.members + root_reader_members(u->root));
	tell_member(u, m);
	if (r == 0 && (file || (tells_data(u) && m->type == MEMBER_FILE)))
		r = take_data(u, file);
	return r == 0 && u->tree && tree_must_wait(u->tree) ? pipeline_drain(u->pipeline) : r;
}

static int parse(struct unpack *u)
{
	struct member m;
	int r;

	while ((r = root_reader_next(u->root, &m, u->fail)) > 0) {
		r = add_member(u, &m);
		member_free(&m);
		if (r < 0)
			break;
	}
	return r;
}

/* One of the archives, ready to be unpacked. */
struct archive {
	const struct payload *payload;
	const struct block_list *blocks;
	struct block_list own_blocks; /* those, where nobody gave them */
	struct engine_plan plan;
	bool discard;
	bool is_over;   /* the payload */
	uint16_t layer; /* its number; 0: it is the root */
};

/* Adds to a failure how far the parser had come, which is at the cause or shortly before it: a damaged
 * Block is met by a worker that runs ahead. */
static void add_position(const struct unpack *u, const struct archive *a, struct fail *f)
{
	uint64_t at = root_reader_position(u->root);
	const struct block *block = block_list_find(a->blocks, at);
	char member[104], layer[160] = "", in_block[40] = "", why[3 * sizeof(f->why)];

	if (!block || !*root_reader_path(u->root))
		return;
	escape_text(root_reader_path(u->root), member, sizeof(member));
	if (a->layer && strcmp(f->what, a->payload->name) != 0)
		snprintf(layer, sizeof(layer), "layer %s, ", a->payload->name);
	if (!a->blocks->unsized || a->blocks->n == 1) /* else it is not known where they start */
		snprintf(in_block, sizeof(in_block), ", in Block %llu",
			 (unsigned long long)block->number);
	snprintf(why, sizeof(why), "%s (%slast member %s, at byte %llu of the archive%s)", f->why,
		 layer, member, (unsigned long long)at, in_block);
	escape_text(why, f->why, sizeof(f->why));
}

static void count(const struct archive *a, const struct unpack *u, unsigned threads,
		  struct unpack_result *ret)
{
	ret->bytes += root_reader_bytes(u->root);
	ret->members += root_reader_members(u->root);
	ret->blocks += a->blocks->n;
	ret->unchecked += a->blocks->unchecked;
	if (threads > ret->threads)
		ret->threads = threads;
	if (a->plan.memory > ret->plan.memory)
		ret->plan = a->plan;
}

/* Adds to *ret. */
static int unpack_archive(const struct archive *a, struct tree *tree,
			  const struct unpack_options *options, struct unpack_result *ret,
			  struct fail *f)
{
	struct unpack u = { .tree = tree, .options = options, .fail = f };
	const struct pipeline_options pipeline = {
		.discard = a->discard,
		.progress = options->progress,
		.times = options->times,
		.n_times = a->layer ? 0 : options->n_times,
	};
	unsigned threads;
	int r;

	u.is_layer = a->layer > 0;
	u.is_over = a->is_over;
	u.before = *ret;
	r = pipeline_start(a->payload, a->blocks, &a->plan, &pipeline, &u.pipeline, f);

	if (r < 0)
		return r;
	threads = pipeline_threads(u.pipeline);
	r = root_reader_open(next_chunk, &u, a->payload->name, PLAN_HEADERS_LEAST + a->plan.headers,
			     &u.root, f);
	if (r == 0)
		r = parse(&u);
	if (r == 0)
		r = pipeline_drain(u.pipeline);
	r = pipeline_stop(u.pipeline, r, f);
	if (r == 0)
		count(a, &u, threads, ret);
	else if (u.root && !payload_has_failed(a->payload))
		add_position(&u, a, f);
	root_reader_close(u.root);
	return r;
}

/* In a layer, by the rules of layers; see tree.h and root_tree.h. */
static int unpack_next(const struct archive *a, struct tree *tree,
		       const struct unpack_options *options, struct unpack_result *ret,
		       struct fail *f)
{
	int r;

	if (a->layer && tree)
		tree_begin_layer(tree);
	if (a->layer && options->names) {
		root_tree_set_layer(options->names, a->layer, ROOT_TREE_OVERLAY);
		root_tree_limit_layers(options->names);
	}
	r = unpack_archive(a, tree, options, ret, f);
	return r == 0 ? payload_wait_complete(a->payload, f) : r;
}

/* Nobody else weighed what the engine takes: half of what is free, and refuse what would need it all. */
static int make_plan(const struct payload *p, const struct block_list *blocks, unsigned threads,
		     struct engine_plan *ret, struct fail *f)
{
	char needed[SIZE_TEXT_MAX], available[SIZE_TEXT_MAX], todo[CODEC_TODO_MAX];
	struct memory m = { .available = PLAN_NO_LIMIT };

	(void)memory_read(&m); /* where there is no /proc, there is no limit */
	engine_plan(blocks, threads, m.available / 2, ret);
	if (ret->memory > m.available)
		return fail_set(f, ENOMEM, p->name,
				codec_todo_memory(blocks->codec, CODEC_TODO_ADD, todo),
				"decoding takes %s, this machine has %s free",
				size_format(needed, ret->memory),
				size_format(available, m.available));
	return 0;
}

/* The plan that takes most memory is not always that of most threads. */
static uint64_t space_of(const struct engine_plan *p)
{
	uint64_t pages = THREAD_PAGES * (uint64_t)sysconf(_SC_PAGESIZE);

	return p->memory + p->threads * (THREAD_SPACE + pages);
}

static const struct engine_plan *largest_plan(const struct archive *archives, size_t n)
{
	const struct engine_plan *largest = &archives[0].plan;

	for (size_t i = 1; i < n; i++)
		if (space_of(&archives[i].plan) > space_of(largest))
			largest = &archives[i].plan;
	return largest;
}

/* Limits the address space of this process to what the largest plan counts, with room for the threads' stacks, the program
 * itself and memory that malloc has not given back to the kernel. Only memory that a plan forgot can reach it. */
static bool hold_to_plan(const struct engine_plan *largest, const struct root_tree *names)
{
	uint64_t beside = names ? root_tree_limit(names) : 0;
	uint64_t most = space_of(largest) + PROGRAM_SPACE;

	return beside < PLAN_NO_LIMIT - most && memory_limit_own(most + beside);
}

/* Without this advice it would look as if the machine had too little memory. */
static int explain_held(const struct engine_plan *plan, struct fail *f)
{
	char most[SIZE_TEXT_MAX];

	if (f->error == ENOMEM && !*f->todo)
		snprintf(f->todo, sizeof(f->todo),
			 "Unpacking is held to %s, which this archive should not outgrow: report "
			 "it, "
			 "and pack the root again with `tarboot pack`.",
			 size_format(most, plan->memory));
	return -f->error;
}

/* ---- all archives ---- */

static int prepare(struct archive *a, const struct block_list *blocks,
		   const struct engine_plan *plan, unsigned threads, struct fail *f)
{
	int r = blocks ? 0 : block_list_read(a->payload, &a->own_blocks, f);

	a->blocks = blocks ? blocks : &a->own_blocks;
	if (r < 0 || !plan)
		return r < 0 ? r : make_plan(a->payload, a->blocks, threads, &a->plan, f);
	a->plan = *plan;
	return 0;
}

static int prepare_all(const struct payload *p, const struct unpack_options *o,
		       struct archive *archives, struct fail *f)
{
	int r;

	archives[0] = (struct archive){ .payload = p, .discard = o->discard, .layer = o->is_layer };
	r = prepare(&archives[0], o->blocks, o->plan, o->threads, f);
	for (size_t i = 0; r == 0 && i < o->n_layers; i++) {
		const struct unpack_layer *l = &o->layers[i];
		struct archive *a = &archives[i + 1];

		*a = (struct archive){ .payload = l->payload,
				       .discard = l->discard,
				       .is_over = true,
				       .layer = (uint16_t)(i + 1 + o->is_layer) };
		r = prepare(a, l->blocks, l->plan, o->threads, f);
	}
	return r;
}

static void tell_total(const struct archive *archives, size_t n, struct unpack_progress *p)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += archives[i].blocks->uncompressed;
	if (p)
		atomic_store(&p->total, total);
}

static int unpack_all(const struct archive *archives, size_t n, struct tree *tree,
		      const struct unpack_options *options, struct unpack_result *ret,
		      struct fail *f)
{
	struct unpack_result result = { 0 };
	int r = 0;

	tell_total(archives, n, options->progress);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = unpack_next(&archives[i], tree, options, &result, f);
	if (r == 0 && tree)
		r = tree_finish(tree, f);
	if (r < 0)
		return r;
	if (tree)
		tree_losses(tree, &result.losses);
	if (options->names)
		result.names = root_tree_memory(options->names);
	*ret = result;
	return 0;
}

/* They are prepared. */
static int unpack_prepared(const struct archive *archives, size_t n,
			   const struct unpack_options *options, struct unpack_result *ret,
			   struct fail *f)
{
	const struct engine_plan *largest = largest_plan(archives, n);
	bool held = options->hold && hold_to_plan(largest, options->names);
	struct tree *tree = NULL;
	int r = options->root_fd >= 0 ? tree_new(options->root_fd, &tree) : 0;

	if (options->hold)
		files_limit_raise();
	if (r < 0)
		fail_errno(f, r, "the new root", "cannot start to fill it");
	else
		r = unpack_all(archives, n, tree, options, ret, f);
	if (r < 0 && held)
		r = explain_held(largest, f);
	tree_free(tree);
	return r;
}

int unpack_run(const struct payload *p, const struct unpack_options *options,
	       struct unpack_result *ret, struct fail *f)
{
	size_t n = options->n_layers + 1;
	struct archive *archives = calloc(n, sizeof(*archives));
	int r = archives ? prepare_all(p, options, archives, f)
			 : fail_errno(f, ENOMEM, p->name, "cannot unpack it");

	if (r == 0)
		r = unpack_prepared(archives, n, options, ret, f);
	if (r < 0)
		payload_cancel(p); /* it was perhaps not the pipeline that failed */
	for (size_t i = 0; archives && i < n; i++)
		block_list_free(&archives[i].own_blocks);
	free(archives);
	return r;
}
