/* Memory weighed against what the root needs. */
#include "image/rootsize.h"

#include <errno.h>
#include <stdio.h>

#define INODE_BYTES 1024      /* a tmpfs inode with its directory entry, in kernel memory */
#define RESERVE (24ULL << 20) /* for the kernel and the first steps of the new init */
/* So much of that must be left at any moment: not far below it the kernel begins to kill. */
#define FLOOR (4ULL << 20)
#define LEAST_ROOM (8ULL << 20)
#define IN_USE (8ULL << 20) /* of RESERVE, what a machine works with and does not swap */
/* Bytes of an archive, at least, for anything that takes an inode or a page: an empty file in odc cpio. */
#define MEMBER_LEAST 78

void rootsize_need(const struct manifest *m, uint64_t least, uint64_t most, uint64_t page,
		   struct rootsize_need *ret)
{
	*ret = (struct rootsize_need){ 0 };
	if (m) {
		ret->tree = manifest_tree_bytes(m, page);
		ret->inodes = m->inodes;
		ret->xattrs = m->xattr_bytes;
		return;
	}
	/* A header takes no more of a tar than its inode takes of memory (INODE_BYTES against one to three
	 * records, of which the third comes with pax only), of a cpio much less; data no more than its pages. At
	 * most, all of it are the smallest members, each with a page. */
	ret->is_estimate = true;
	ret->tree = least;
	ret->tree_most = multiply_u64(most / MEMBER_LEAST, page);
	ret->inodes_most = most / MEMBER_LEAST;
}

/* One that is exact is as much at least as at most; but no root is so full that nothing else has room. */
static void set_most(struct rootsize_need *need)
{
	if (need->is_estimate)
		return;
	need->tree_most = need->tree + LEAST_ROOM;
	need->inodes_most = need->inodes;
}

void rootsize_add(struct rootsize_need *to, const struct rootsize_need *more)
{
	struct rootsize_need other = *more;

	if (to->is_estimate || other.is_estimate) {
		set_most(to);
		set_most(&other);
	}
	to->is_estimate = to->is_estimate || other.is_estimate;
	to->tree = add_u64(to->tree, other.tree);
	to->tree_most = add_u64(to->tree_most, other.tree_most);
	to->inodes = add_u64(to->inodes, other.inodes);
	to->inodes_most = add_u64(to->inodes_most, other.inodes_most);
	to->xattrs = add_u64(to->xattrs, other.xattrs);
	to->given_back = add_u64(to->given_back, other.given_back);
}

uint64_t rootsize_tree(const struct rootsize_need *need)
{
	uint64_t kernel = add_u64(multiply_u64(need->inodes, INODE_BYTES), need->xattrs);

	return add_u64(need->tree, kernel);
}

/* Beside the engine. */
static uint64_t needed_without_engine(const struct rootsize_need *need)
{
	return add_u64(rootsize_tree(need), RESERVE);
}

uint64_t rootsize_needed(const struct rootsize_need *need)
{
	return add_u64(needed_without_engine(need), need->engine);
}

uint64_t rootsize_swappable(const struct rootsize_need *need)
{
	return add_u64(need->tree, RESERVE - IN_USE);
}

uint64_t rootsize_available(const struct memory *m, const struct rootsize_need *need)
{
	return m->available + need->given_back + need->compressed;
}

uint64_t rootsize_left(const struct memory *m, const struct rootsize_need *need)
{
	uint64_t available = rootsize_available(m, need);
	uint64_t needed = needed_without_engine(need);

	return available > needed ? available - needed : 0;
}

/* When it is the decoder that needs most, a smaller root would not help. */
static int fail_machine(uint64_t needed, uint64_t available, const struct rootsize_need *need,
			struct fail *f)
{
	bool is_decoder = need->engine > needed / 2 && needed - need->engine <= available;
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], inodes[48] = "", decoding[64] = "", zram[64] = "";

	if (need->compressed)
		snprintf(zram, sizeof(zram), ", and about %s more with zram",
			 size_format(a, need->compressed));
	if (need->inodes)
		snprintf(inodes, sizeof(inodes), " and %llu inodes",
			 (unsigned long long)need->inodes);
	if (is_decoder)
		snprintf(decoding, sizeof(decoding), ", of which decoding takes %s",
			 size_format(a, need->engine));
	return fail_set(f, ENOSPC, "memory",
			is_decoder ? "Add memory, or compress with a smaller dictionary (xz -6) or "
				     "window (zstd -19)."
				   : "Add memory, or pack a smaller root.",
			"the root needs %s%s%s%s, this machine has %s free%s",
			need->is_estimate ? "at least " : "", size_format(a, needed), inodes,
			decoding, size_format(b, available - need->compressed), zram);
}

/* Half of what is left, and a part of RESERVE in any case: no system starts in a root that is full. */
static uint64_t room_beside(uint64_t left)
{
	return left / 2 > LEAST_ROOM ? left / 2 : LEAST_ROOM;
}

int rootsize_choose(const struct memory *m, const struct rootsize_need *need, struct size asked,
		    uint64_t *ret, struct fail *f)
{
	uint64_t available = rootsize_available(m, need), size;
	uint64_t needed = rootsize_needed(need);
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	if (asked.kind == SIZE_BYTES)
		size = asked.value;
	else if (asked.kind == SIZE_PERCENT)
		size = m->total / 100 * asked.value;
	else if (need->is_estimate)
		size = min_u64(m->total + need->compressed, need->tree_most);
	else
		size = need->tree + room_beside(available > needed ? available - needed : 0);
	if (need->tree > size && !need->is_estimate)
		return fail_set(f, ENOSPC, "kernel parameter tarboot.size",
				"Give a larger tarboot.size=, or leave it out.",
				"the root needs %s, tarboot.size allows %s",
				size_format(a, need->tree), size_format(b, size));
	if (needed > available)
		return fail_machine(needed, available, need, f);
	*ret = size;
	return 0;
}

uint64_t rootsize_settle(const struct memory *m, uint64_t used)
{
	return used + (m->available > RESERVE ? (m->available - RESERVE) / 2 : 0);
}

/* Half, so that memory is checked again before it runs out. */
uint64_t rootsize_ahead(uint64_t available, uint64_t page)
{
	uint64_t growth = (page + INODE_BYTES) / MEMBER_LEAST + 1;

	return available > FLOOR ? (available - FLOOR) / 2 / growth + 1 : 0;
}
