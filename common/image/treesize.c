/* Members, summed up. */
#include "image/treesize.h"

#include <string.h>

#include "base/util.h"

#define INLINE_SYMLINK 128 /* tmpfs keeps shorter targets in the inode */
#define XATTR_OVERHEAD \
	64 /* bytes of kernel memory for each, beside name and value; 48 on 64 bits, rounded up */

static const uint64_t page_sizes[TREESIZE_PAGES] = { 4 << 10, 16 << 10, 64 << 10 };

static uint64_t xattr_memory(const struct xattrs *x)
{
	const char *name;
	const void *value;
	uint64_t sum = 0;
	size_t size, cursor = 0;

	while (xattrs_next(x, &cursor, &name, &value, &size))
		sum += XATTR_OVERHEAD + strlen(name) + 1 + size;
	return sum;
}

void treesize_add_member(struct treesize *t, const struct member *m)
{
	t->members++;
	t->inodes++; /* tmpfs counts each hard link, too */
	t->files += m->type == MEMBER_FILE;
	t->directories += m->type == MEMBER_DIRECTORY;
	if (m->type != MEMBER_HARDLINK)
		t->xattr_bytes += xattr_memory(&m->xattrs);
	for (size_t i = 0; i < TREESIZE_PAGES; i++) {
		t->next[i] = 0;
		if (m->type == MEMBER_SYMLINK && strlen(m->target) >= INLINE_SYMLINK)
			t->pages[i] += page_sizes[i];
	}
}

void treesize_add_data(struct treesize *t, uint64_t offset, uint64_t size)
{
	uint64_t first, end;

	if (size == 0)
		return;
	t->data_bytes += size;
	for (size_t i = 0; i < TREESIZE_PAGES; i++) {
		first = offset / page_sizes[i];
		end = (offset + size - 1) / page_sizes[i] + 1;
		if (first < t->next[i])
			first = t->next[i];
		if (end > first)
			t->pages[i] += (end - first) * page_sizes[i];
		t->next[i] = end;
	}
}

void treesize_take_member(void *treesize, const struct member *m, uint64_t at)
{
	(void)at;
	treesize_add_member(treesize, m);
}

void treesize_take_data(void *treesize, uint64_t offset, uint64_t size)
{
	treesize_add_data(treesize, offset, size);
}

void treesize_tell(const struct treesize *t, struct manifest *m)
{
	m->members = t->members;
	m->inodes = t->inodes;
	m->files = t->files;
	m->directories = t->directories;
	m->data_bytes = t->data_bytes;
	m->xattr_bytes = t->xattr_bytes;
	m->unpacked_bytes = t->pages[0];
	m->unpacked_bytes_16k = t->pages[1];
	m->unpacked_bytes_64k = t->pages[2];
}
