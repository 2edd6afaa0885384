/*
 * The parser: one reader, of tar or cpio, fed with the pipeline's chunks. It alone decides what happens to names,
 * in archive order; file data goes back to the pipeline.
 */
#include "engine/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/memory.h"
#include "engine/pipeline.h"
#include "tar/root_read.h"
#include "base/size.h"

#define THREAD_SPACE (256ULL << 10) /* address space of a stack with its guard */
#define PROGRAM_SPACE (32ULL << 20)

struct unpack {
	struct pipeline *pipeline;
	struct tree *tree; /* NULL: check only */
	struct root_reader *root;
	const struct unpack_options *options;
	struct fail *fail;
	uint64_t bytes; /* of the archive that the parser has got */
	uint64_t
		next_ask; /* how many of them may be done before options->may_go_on is asked again */
};

/* Chunks alone would be too rare: a small one of the smallest members becomes many pages. */
static int ask(struct unpack *u, uint64_t bytes, struct fail *f)
{
	const struct unpack_options *o = u->options;

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

/* Sends the data of one member to its file, if there is one; holes are not sent. */
static int take_data(struct unpack *u, struct tree_file *file)
{
	struct fail unused;
	const void *data;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = root_reader_data(u->root, &data, &size, &offset, u->fail)) > 0) {
		if (u->options->data)
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

/* In the tree, or where there is none, in its model. */
static int add_name(struct unpack *u, const struct member *m, struct tree_file **ret_file)
{
	if (u->tree)
		return tree_add(u->tree, m, ret_file, u->fail);
	return u->options->names ? root_tree_add(u->options->names, m, u->fail) : 0;
}

static int add_member(struct unpack *u, const struct member *m)
{
	struct tree_file *file = NULL;
	int r = ask(u, root_reader_position(u->root), u->fail);

	if (r < 0)
		return r;
	r = add_name(u, m, &file);
	if (u->options->progress)
		atomic_store(&u->options->progress->members, root_reader_members(u->root));
	if (u->options->member)
		u->options->member(u->options->member_arg, m, root_reader_position(u->root));
	if (r == 0 && (file || (u->options->data && m->type == MEMBER_FILE)))
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

/* Adds to a failure how far the parser had come, which is at the cause or shortly before it: a damaged
 * Block is met by a worker that runs ahead. */
static void add_position(const struct unpack *u, const struct block_list *blocks, struct fail *f)
{
	uint64_t at = root_reader_position(u->root);
	const struct block *block = block_list_find(blocks, at);
	char member[104], in_block[40] = "", why[2 * sizeof(f->why)];

	if (!block || !*root_reader_path(u->root))
		return;
	escape_text(root_reader_path(u->root), member, sizeof(member));
	if (!blocks->unsized || blocks->n == 1) /* else it is not known where they start */
		snprintf(in_block, sizeof(in_block), ", in Block %llu",
			 (unsigned long long)block->number);
	snprintf(why, sizeof(why), "%s (last member %s, at byte %llu of the archive%s)", f->why,
		 member, (unsigned long long)at, in_block);
	escape_text(why, f->why, sizeof(f->why));
}

static int unpack_with_tree(const struct payload *p, const struct block_list *blocks,
			    struct tree *tree, const struct engine_plan *plan,
			    const struct unpack_options *options, struct unpack_result *ret,
			    struct fail *f)
{
	struct unpack u = { .tree = tree, .options = options, .fail = f };
	struct unpack_result result = { .blocks = blocks->n,
					.unchecked = blocks->unchecked,
					.plan = *plan };
	const struct pipeline_options pipeline = {
		.discard = options->discard,
		.progress = options->progress,
		.times = options->times,
		.n_times = options->n_times,
	};
	int r = pipeline_start(p, blocks, plan, &pipeline, &u.pipeline, f);

	if (r < 0)
		return r;
	result.threads = pipeline_threads(u.pipeline);
	r = root_reader_open(next_chunk, &u, p->name, PLAN_HEADERS_LEAST + plan->headers, &u.root,
			     f);
	if (r == 0) {
		r = parse(&u);
		result.bytes = root_reader_bytes(u.root);
		result.members = root_reader_members(u.root);
	}
	if (r == 0)
		r = pipeline_drain(u.pipeline);
	r = pipeline_stop(u.pipeline, r, f);
	if (r == 0 && tree)
		r = tree_finish(tree, f);
	else if (r < 0 && u.root && !payload_has_failed(p))
		add_position(&u, blocks, f);
	root_reader_close(u.root);
	if (r < 0)
		return r;
	if (tree)
		tree_losses(tree, &result.losses);
	if (options->names)
		result.names = root_tree_memory(options->names);
	*ret = result;
	return 0;
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

/* Limits the address space of this process to what the plan counts, with room for the threads' stacks, the program
 * itself and memory that malloc has not given back to the kernel. Only memory that the plan forgot can reach it. */
static bool hold_to_plan(const struct engine_plan *plan, const struct root_tree *names)
{
	uint64_t beside = names ? root_tree_limit(names) : 0;
	uint64_t most = plan->memory + plan->threads * THREAD_SPACE + PROGRAM_SPACE;

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

static int unpack_blocks(const struct payload *p, const struct block_list *blocks,
			 const struct unpack_options *options, struct unpack_result *ret,
			 struct fail *f)
{
	struct engine_plan plan;
	struct tree *tree = NULL;
	bool held = false;
	int r = 0;

	if (options->progress)
		atomic_store(&options->progress->total, blocks->uncompressed);
	if (options->plan)
		plan = *options->plan;
	else
		r = make_plan(p, blocks, options->threads, &plan, f);
	if (r == 0 && options->hold)
		held = hold_to_plan(&plan, options->names);
	if (r == 0 && options->root_fd >= 0) {
		r = tree_new(options->root_fd, &tree);
		if (r < 0)
			fail_errno(f, r, "the new root", "cannot start to fill it");
	}
	if (r == 0)
		r = unpack_with_tree(p, blocks, tree, &plan, options, ret, f);
	if (r == 0)
		r = payload_wait_complete(p, f);
	if (r < 0)
		payload_cancel(p); /* it was perhaps not the pipeline that failed */
	if (r < 0 && held)
		r = explain_held(&plan, f);
	tree_free(tree);
	return r;
}

int unpack_run(const struct payload *p, const struct unpack_options *options,
	       struct unpack_result *ret, struct fail *f)
{
	struct block_list blocks;
	int r;

	if (options->blocks)
		return unpack_blocks(p, options->blocks, options, ret, f);
	r = block_list_read(p, &blocks, f);
	if (r < 0)
		return r;
	r = unpack_blocks(p, &blocks, options, ret, f);
	block_list_free(&blocks);
	return r;
}
