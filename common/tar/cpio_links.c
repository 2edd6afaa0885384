/* A hash table of inodes, which are in a list by age as well. */
#include "tar/cpio_links.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

#define BUCKETS_MIN 64

struct cpio_links {
	struct cpio_inode **buckets; /* n_buckets of them, a power of two */
	size_t n_buckets, n_inodes;
	struct cpio_inode *oldest, **end;
	struct cpio_inode *waiting; /* none before it waits */
	size_t used, memory;        /* bytes */
};

/* malloc within the limit; malloc's own part of each is counted, too. */
static int allocate(struct cpio_links *links, size_t size, void *ret)
{
	void *p;

	size += 2 * sizeof(void *);
	if (size > links->memory - links->used)
		return -E2BIG;
	p = malloc(size);
	if (!p)
		return -ENOMEM;
	links->used += size;
	memcpy(ret, &p, sizeof(p));
	return 0;
}

static void release(struct cpio_links *links, void *p, size_t size)
{
	links->used -= size + 2 * sizeof(void *);
	free(p);
}

struct cpio_links *cpio_links_new(size_t memory)
{
	struct cpio_links *links = calloc(1, sizeof(*links));

	if (links) {
		links->memory = memory;
		links->end = &links->oldest;
	}
	return links;
}

void cpio_links_free(struct cpio_links *links)
{
	struct cpio_inode *inode, *next;
	struct cpio_name *name;

	for (inode = links ? links->oldest : NULL; inode; inode = next) {
		next = inode->next;
		while ((name = cpio_links_take_name(inode)))
			free(name);
		free(inode->first);
		free(inode);
	}
	if (links)
		free(links->buckets);
	free(links);
}

static struct cpio_inode **bucket_of(const struct cpio_links *links, const struct cpio_header *h)
{
	uint64_t hash = h->ino;

	hash = (hash << 32 | h->dev_minor) ^ (uint64_t)h->dev_major << 20;
	/* Where links lies nobody can know who makes an archive. */
	hash = (hash ^ (uintptr_t)links) * 0x9e3779b97f4a7c15; /* 2^64 by the golden ratio */
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
	return &links->buckets[(hash >> 32) & (links->n_buckets - 1)];
}

static int grow(struct cpio_links *links)
{
	struct cpio_inode **old = links->buckets, **bucket;
	size_t n = links->n_buckets ? links->n_buckets * 2 : BUCKETS_MIN;
	int r = allocate(links, n * sizeof(*old), &links->buckets);

	if (r < 0)
		return r;
	memset(links->buckets, 0, n * sizeof(*old));
	if (old)
		release(links, old, links->n_buckets * sizeof(*old));
	links->n_buckets = n;
	for (struct cpio_inode *inode = links->oldest; inode; inode = inode->next) {
		bucket = bucket_of(links, &inode->header);
		inode->next_in_bucket = *bucket;
		*bucket = inode;
	}
	return 0;
}

static bool is_same(const struct cpio_header *a, const struct cpio_header *b, bool exact)
{
	if (a->ino != b->ino || a->dev_major != b->dev_major || a->dev_minor != b->dev_minor ||
	    (a->mode & S_IFMT) != (b->mode & S_IFMT))
		return false;
	if ((S_ISCHR(a->mode) || S_ISBLK(a->mode)) &&
	    (a->rdev_major != b->rdev_major || a->rdev_minor != b->rdev_minor))
		return false;
	return !exact || (a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
			  a->nlink == b->nlink && a->mtime == b->mtime && a->size == b->size);
}

static int add_inode(struct cpio_links *links, const struct cpio_header *h, struct cpio_inode **ret)
{
	struct cpio_inode *inode, **bucket;
	int r = links->n_inodes == links->n_buckets ? grow(links) : 0;

	if (r == 0)
		r = allocate(links, sizeof(*inode), &inode);
	if (r < 0)
		return r;
	*inode = (struct cpio_inode){ .header = *h };
	inode->names_end = &inode->names;
	bucket = bucket_of(links, h);
	inode->next_in_bucket = *bucket;
	*bucket = inode;
	*links->end = inode;
	links->end = &inode->next;
	links->n_inodes++;
	*ret = inode;
	return 0;
}

int cpio_links_find(struct cpio_links *links, const struct cpio_header *h, bool exact,
		    struct cpio_inode **ret)
{
	struct cpio_inode *inode = links->n_buckets ? *bucket_of(links, h) : NULL;

	while (inode && !is_same(&inode->header, h, exact))
		inode = inode->next_in_bucket;
	if (!inode)
		return add_inode(links, h, ret);
	*ret = inode;
	return 0;
}

int cpio_links_set_first(struct cpio_links *links, struct cpio_inode *inode, const char *path)
{
	size_t size = strlen(path) + 1;
	int r = allocate(links, size, &inode->first);

	if (r == 0)
		memcpy(inode->first, path, size);
	return r;
}

int cpio_links_add_name(struct cpio_links *links, struct cpio_inode *inode, const char *path)
{
	size_t size = strlen(path) + 1;
	struct cpio_name *name;
	int r = allocate(links, sizeof(*name) + size, &name);

	if (r < 0)
		return r;
	name->next = NULL;
	memcpy(name->path, path, size);
	*inode->names_end = name;
	inode->names_end = &name->next;
	return 0;
}

struct cpio_name *cpio_links_take_name(struct cpio_inode *inode)
{
	struct cpio_name *name = inode->names;

	if (!name)
		return NULL;
	inode->names = name->next;
	if (!inode->names)
		inode->names_end = &inode->names;
	return name;
}

void cpio_links_drop_name(struct cpio_links *links, struct cpio_name *name)
{
	release(links, name, sizeof(*name) + strlen(name->path) + 1);
}

struct cpio_inode *cpio_links_waiting(struct cpio_links *links)
{
	if (!links->waiting)
		links->waiting = links->oldest;
	while (links->waiting && links->waiting->first)
		links->waiting = links->waiting->next;
	return links->waiting;
}
