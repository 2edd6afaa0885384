/* A list of members, filled by the engine. */
#include "image/contents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/image_unpack.h"
#include "base/path.h"

static char *copy_path(const char *path)
{
	path = path_in_root(path);
	return strcmp(path, ".") == 0 ? strdup("") : strndup(path, path_length(path));
}

static struct listed *new_member(struct contents *l)
{
	struct listed *members = array_one_more(l->members, l->n, sizeof(*members));

	if (!members)
		return NULL;
	l->members = members;
	return &l->members[l->n++];
}

/* The memory of a member without its data. */
static uint64_t count(struct contents *l, const struct member *m)
{
	uint64_t before = l->size.pages[0];

	treesize_add_member(&l->size, m);
	return l->size.pages[0] - before;
}

static void add_data(void *arg, uint64_t offset, uint64_t size)
{
	struct contents *l = arg;
	uint64_t before = l->size.pages[0];

	treesize_add_data(&l->size, offset, size);
	if (!l->failed)
		l->members[l->n - 1].ram += l->size.pages[0] - before;
}

static void add(void *arg, const struct member *m, uint64_t at)
{
	struct contents *l = arg;
	struct listed *new = l->failed ? NULL : new_member(l);

	if (!new) {
		l->failed = true;
		return;
	}
	*new = (struct listed){
		.path = copy_path(m->path),
		.target = m->target ? strdup(m->target) : NULL,
		.type = m->type,
		.mode = m->mode,
		.uid = m->uid,
		.gid = m->gid,
		.rdev = m->rdev,
		.mtime = m->mtime,
		.size = m->type == MEMBER_FILE ? m->size : 0,
		.at = at,
	};
	new->ram = count(l, m);
	l->failed = !new->path || (m->target && !new->target);
}

/* Compressed bytes of a part of the tar: its share of each Block. */
static double packed_bytes(const struct block_list *blocks, uint64_t from, uint64_t to)
{
	const struct block *b;
	double sum = 0;
	uint64_t end;

	while (from < to && (b = block_list_find(blocks, from))) {
		end = b->start + b->uncompressed < to ? b->start + b->uncompressed : to;
		sum += (double)(end - from) * (double)b->total / (double)b->uncompressed;
		from = end;
	}
	return sum;
}

static int compare(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static void free_member(struct listed *m)
{
	free(m->path);
	free(m->target);
}

/* Sorts by path, and keeps only the last member of each path. */
static void finish(struct contents *l, const struct block_list *blocks)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		l->members[i].packed = packed_bytes(blocks, l->members[i].at,
						    i + 1 < l->n ? l->members[i + 1].at
								 : blocks->uncompressed);
	if (l->n)
		qsort(l->members, l->n, sizeof(*l->members), compare);
	for (size_t i = 0; i < l->n; i++) {
		if (i + 1 < l->n && strcmp(l->members[i].path, l->members[i + 1].path) == 0) {
			l->members[i + 1].packed += l->members[i].packed;
			free_member(&l->members[i]);
			continue;
		}
		l->members[n++] = l->members[i];
	}
	l->n = n;
}

int contents_read(const struct image *image, const struct block_list *blocks, struct contents *ret,
		  struct fail *f)
{
	struct unpack_options options = {
		.root_fd = -1, .blocks = blocks, .member = add, .data = add_data, .member_arg = ret
	};
	struct unpack_result result;
	int r;

	*ret = (struct contents){ 0 };
	r = image_unpack(image, &options, "reading", &result, f);
	if (r == 0 && ret->failed)
		r = fail_errno(f, ENOMEM, image->path, "cannot list it");
	if (r == 0)
		finish(ret, blocks);
	else
		contents_free(ret);
	return r;
}

void contents_free(struct contents *l)
{
	for (size_t i = 0; i < l->n; i++)
		free_member(&l->members[i]);
	free(l->members);
	*l = (struct contents){ 0 };
}

const char *listed_type(const struct listed *m)
{
	static const char *const names[] = {
		[MEMBER_FILE] = "file",        [MEMBER_DIRECTORY] = "directory",
		[MEMBER_SYMLINK] = "symlink",  [MEMBER_HARDLINK] = "hardlink",
		[MEMBER_CHAR] = "char device", [MEMBER_BLOCK] = "block device",
		[MEMBER_FIFO] = "fifo",
	};

	return names[m->type];
}
