/* How large the root becomes, and when it does not fit. */
#include "image/rootsize.h"

#include <errno.h>

#include "tar/cpio.h"
#include "tap.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

static const struct memory one_gib = { .total = GIB, .available = 900 * MIB };

static const struct {
	const char *what;
	struct rootsize_need need;
	struct size asked;
	int r;
	uint64_t least, most; /* of the chosen size; for failures unused */
	const char *about;    /* what the failure is about */
} cases[] = {
	{ "a small tree", { .tree = 100 * MIB }, { SIZE_AUTO, 0 }, 0, 400 * MIB, 500 * MIB, NULL },
	{ "nothing known", { 0 }, { SIZE_AUTO, 0 }, 0, 400 * MIB, 450 * MIB, NULL },
	{ "a tree that nearly fills the memory",
	  { .tree = 870 * MIB },
	  { SIZE_AUTO, 0 },
	  0,
	  870 * MIB,
	  880 * MIB,
	  NULL },
	{ "a tree larger than the memory",
	  { .tree = 901 * MIB },
	  { SIZE_AUTO, 0 },
	  -ENOSPC,
	  0,
	  0,
	  "memory" },
	{ "an enormous tree", { .tree = 1ULL << 50 }, { SIZE_AUTO, 0 }, -ENOSPC, 0, 0, "memory" },
	{ "a tree and an engine that do not fit together",
	  { .tree = 800 * MIB, .engine = 128 * MIB },
	  { SIZE_AUTO, 0 },
	  -ENOSPC,
	  0,
	  0,
	  "memory" },
	{ "the same with the payload given back",
	  { .tree = 800 * MIB, .engine = 128 * MIB, .given_back = 250 * MIB },
	  { SIZE_AUTO, 0 },
	  0,
	  800 * MIB,
	  GIB,
	  NULL },
	{ "the same with compressed swap",
	  { .tree = 800 * MIB, .engine = 128 * MIB, .compressed = 250 * MIB },
	  { SIZE_AUTO, 0 },
	  0,
	  800 * MIB,
	  GIB,
	  NULL },
	{ "a tree that fits exactly has a little room all the same",
	  { .tree = 876 * MIB },
	  { SIZE_AUTO, 0 },
	  0,
	  884 * MIB,
	  884 * MIB,
	  NULL },
	{ "inodes that do not fit",
	  { .tree = 600 * MIB, .inodes = 2000000 },
	  { SIZE_AUTO, 0 },
	  -ENOSPC,
	  0,
	  0,
	  "memory" },
	{ "a size that is asked for",
	  { .tree = 100 * MIB },
	  { SIZE_BYTES, 200 * MIB },
	  0,
	  200 * MIB,
	  200 * MIB,
	  NULL },
	{ "the size of the tree exactly",
	  { .tree = 100 * MIB },
	  { SIZE_BYTES, 100 * MIB },
	  0,
	  100 * MIB,
	  100 * MIB,
	  NULL },
	{ "a size too small",
	  { .tree = 100 * MIB },
	  { SIZE_BYTES, 100 * MIB - 1 },
	  -ENOSPC,
	  0,
	  0,
	  "tarboot.size" },
	{ "a size beyond the memory is the user's right",
	  { .tree = 100 * MIB },
	  { SIZE_BYTES, 4 * GIB },
	  0,
	  4 * GIB,
	  4 * GIB,
	  NULL },
	{ "but the tree must still fit",
	  { .tree = 2 * GIB },
	  { SIZE_BYTES, 4 * GIB },
	  -ENOSPC,
	  0,
	  0,
	  "memory" },
	{ "half of the RAM",
	  { .tree = 100 * MIB },
	  { SIZE_PERCENT, 50 },
	  0,
	  511 * MIB,
	  512 * MIB,
	  NULL },
	{ "all of the RAM",
	  { .tree = 100 * MIB },
	  { SIZE_PERCENT, 100 },
	  0,
	  1023 * MIB,
	  GIB,
	  NULL },
	{ "a share too small",
	  { .tree = 100 * MIB },
	  { SIZE_PERCENT, 5 },
	  -ENOSPC,
	  0,
	  0,
	  "tarboot.size" },
};

static void test_choices(void)
{
	struct fail f;
	uint64_t size;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		memset(&f, 0, sizeof(f));
		size = 4711;
		r = rootsize_choose(&one_gib, &cases[i].need, cases[i].asked, &size, &f);
		is_int(r, cases[i].r, "%s", cases[i].what);
		if (r == 0)
			ok(size >= cases[i].least && size <= cases[i].most, "its size: %llu MiB",
			   (unsigned long long)(size / MIB));
		else
			ok(size == 4711 && cases[i].about && strstr(f.what, cases[i].about) &&
				   *f.todo,
			   "about %s: %s", f.what, f.why);
	}
}

/* The sentence that the user needs has both numbers in it. */
static void test_numbers(void)
{
	const struct rootsize_need need = { .tree = 1500 * MIB, .inodes = 40213 };
	const struct rootsize_need zram = { .tree = 1500 * MIB, .compressed = 300 * MIB };
	struct fail f;
	uint64_t size;

	rootsize_choose(&one_gib, &zram, (struct size){ SIZE_AUTO, 0 }, &size, &f);
	ok(strstr(f.why, "900.0 MiB free, and about 300.0 MiB more with zram"),
	   "what is free, and what zram adds: %s", f.why);
	rootsize_choose(&one_gib, &need, (struct size){ SIZE_AUTO, 0 }, &size, &f);
	ok(strstr(f.why, "1.53 GiB") && strstr(f.why, "40213") && strstr(f.why, "900.0 MiB"),
	   "needed, inodes and free: %s", f.why);
}

/* 30,000 files of 100 bytes: a header and a record of data each, and the end; a page and an inode each. */
#define FILES 30000ULL
#define FILES_TAR (FILES * 1024 + 1024)

static void test_small_files(void)
{
	const struct manifest m = { .unpacked_bytes = FILES * 4096,
				    .unpacked_bytes_16k = FILES * 16384,
				    .unpacked_bytes_64k = FILES * 65536,
				    .inodes = FILES,
				    .files = FILES,
				    .data_bytes = FILES * 100,
				    .xattr_bytes = 5 * MIB };
	const struct memory small = { .total = 256 * MIB, .available = 190 * MIB };
	struct rootsize_need need;
	uint64_t size = 0;
	struct fail f;

	rootsize_need(&m, FILES_TAR, FILES_TAR, 4096, &need);
	ok(!need.is_estimate && need.tree == FILES * 4096 && need.inodes == FILES &&
		   need.xattrs == 5 * MIB,
	   "by the manifest");
	ok(rootsize_needed(&need) == FILES * (4096 + 1024) + 5 * MIB + 24 * MIB,
	   "pages, inodes, attributes, and what the kernel keeps");
	rootsize_need(&m, FILES_TAR, FILES_TAR, 16384, &need);
	ok(need.tree == FILES * 16384, "where pages have 16 KiB");
	rootsize_need(&m, FILES_TAR, FILES_TAR, 65536, &need);
	ok(need.tree == FILES * 65536, "and 64 KiB");
	is_int(rootsize_choose(&one_gib, &need, (struct size){ SIZE_AUTO, 0 }, &size, &f), -ENOSPC,
	       "1.8 GiB are refused by a machine of 1 GiB");

	rootsize_need(NULL, FILES_TAR, FILES_TAR, 4096, &need);
	ok(need.is_estimate && need.tree == FILES_TAR && need.inodes == 0, "by the tar: at least");
	ok(need.tree_most >= FILES * 4096 && need.inodes_most >= FILES, "and at most");
	is_int(rootsize_choose(&small, &need, (struct size){ SIZE_AUTO, 0 }, &size, &f), 0,
	       "a machine of 256 MiB, which would do, is not refused");
	ok(size >= FILES * 4096, "nor does its tmpfs end first: %llu MiB",
	   (unsigned long long)(size / MIB));
	ok(size <= small.total, "which is no larger than the RAM");
	rootsize_need(NULL, FILES_TAR, FILES_TAR, 65536, &need);
	ok(need.tree_most >= FILES * 65536, "with pages of 64 KiB");
	rootsize_need(NULL, FILES * (CPIO_HEADER_SIZE + 6 + 4), FILES * (CPIO_HEADER_SIZE + 6 + 4),
		      4096, &need);
	ok(need.tree_most >= FILES * 4096 && need.inodes_most >= FILES,
	   "at most of a cpio, whose headers are small");
	rootsize_need(NULL, 400 * MIB, 400 * MIB, 4096, &need);
	is_int(rootsize_choose(&small, &need, (struct size){ SIZE_AUTO, 0 }, &size, &f), -ENOSPC,
	       "a tar larger than the memory is refused");
	is_str(f.why, "the root needs at least 424.0 MiB, this machine has 190.0 MiB free",
	       "and the sentence says that this is not all");
	is_str(f.todo, "Add memory, or pack a smaller root.", "and what to do");
	need.tree = 10 * MIB;
	need.engine = 300 * MIB;
	is_int(rootsize_choose(&small, &need, (struct size){ SIZE_AUTO, 0 }, &size, &f), -ENOSPC,
	       "so is a small one with a large decoder");
	is_str(f.why,
	       "the root needs at least 334.0 MiB, of which decoding takes 300.0 MiB, this machine "
	       "has "
	       "190.0 MiB free",
	       "and the sentence says which of them is large");
	is_str(f.todo,
	       "Add memory, or compress with a smaller dictionary (xz -6) or window (zstd -19).",
	       "and what to do about that");
	need.tree = 290 * MIB;
	need.engine = 320 * MIB;
	is_int(rootsize_choose(&small, &need, (struct size){ SIZE_AUTO, 0 }, &size, &f), -ENOSPC,
	       "where the root alone is too large");
	is_str(f.todo, "Add memory, or pack a smaller root.", "it is the root");
	rootsize_need(NULL, 400 * MIB, 400 * MIB, 4096, &need);
	is_int(rootsize_choose(&one_gib, &need, (struct size){ SIZE_BYTES, 390 * MIB }, &size, &f),
	       0, "a tarboot.size= a little below the tar may do");
}

/* Hostile numbers go round nowhere. */
static void test_huge(void)
{
	struct rootsize_need need = { .tree = UINT64_MAX - 5, .inodes = UINT64_MAX / 2 };
	struct fail f;
	uint64_t size;

	ok(rootsize_needed(&need) == UINT64_MAX, "the sum of huge numbers");
	is_int(rootsize_choose(&one_gib, &need, (struct size){ SIZE_PERCENT, 100 }, &size, &f),
	       -ENOSPC, "is refused");
	rootsize_need(NULL, UINT64_MAX, UINT64_MAX, 65536, &need);
	ok(need.tree_most == UINT64_MAX, "a huge tar");
}

static void test_settle(void)
{
	ok(rootsize_settle(&one_gib, 100 * MIB) == 100 * MIB + (900 - 24) * MIB / 2,
	   "the tree and half of what remains");
	ok(rootsize_settle(&(struct memory){ .total = GIB, .available = 10 * MIB }, 100 * MIB) ==
		   100 * MIB,
	   "of nothing: the tree");
}

/* A cpio of which each 78 bytes, header and name, take a page and an inode, and what was read is written later. A look
 * comes with the first member that is due. It is stopped before the memory ends, and not much before. */
static void test_ahead(void)
{
	static const uint64_t pages[] = { 4096, 16384, 65536 };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		uint64_t member = pages[i] + 1024, free = GIB, looks = 0, ahead;

		while ((ahead = rootsize_ahead(free, pages[i])) > 0) {
			free -= min_u64(free, (ahead + 77) / 78 * member);
			looks++;
		}
		ok(free + 2 * member > 4 * MIB && free <= 5 * MIB,
		   "pages of %llu KiB: %llu KiB are left", (unsigned long long)(pages[i] / 1024),
		   (unsigned long long)(free / 1024));
		ok(looks < 1000, "after %llu looks", (unsigned long long)looks);
	}
	ok(rootsize_ahead(64 * GIB, 4096) > 200 * MIB, "with much memory nobody looks often");
}

/* A root, exact or not, and a layer. */
static void test_layers(void)
{
	const struct rootsize_need exact = {
		.tree = 100, .inodes = 10, .xattrs = 5, .given_back = 50
	};
	const struct rootsize_need guess = { .tree = 30,
					     .is_estimate = true,
					     .tree_most = 4000,
					     .inodes_most = 40,
					     .given_back = 20 };
	struct rootsize_need sum = exact;

	rootsize_add(&sum, &exact);
	ok(!sum.is_estimate && sum.tree == 200 && sum.inodes == 20 && sum.xattrs == 10 &&
		   sum.given_back == 100,
	   "two that are exact");
	sum = exact;
	rootsize_add(&sum, &guess);
	ok(sum.is_estimate && sum.tree == 130 && sum.tree_most == 4100 + 8 * MIB &&
		   sum.inodes == 10 && sum.inodes_most == 50 && sum.given_back == 70,
	   "an exact root and a layer that is a guess");
	sum = guess;
	rootsize_add(&sum, &exact);
	ok(sum.is_estimate && sum.tree == 130 && sum.tree_most == 4100 + 8 * MIB &&
		   sum.inodes_most == 50,
	   "the other way round");
}

static void test_meminfo(void)
{
	static const char new[] = "MemTotal:        1014596 kB\nMemFree:          100000 kB\n"
				  "MemAvailable:     900000 kB\nSwapFree:            3000 kB\n"
				  "Active(anon):        1000 kB\nInactive(anon):      500 kB\n"
				  "Active(file):        7000 kB\nSReclaimable:      50000 kB\n";
	static const char none_left[] = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 0 kB\n";
	static const char old[] = "MemTotal:        1014596 kB\nMemFree:          100000 kB\n"
				  "SReclaimable:      50000 kB\n";
	struct memory m;

	ok(memory_parse(new, &m) == 0 && m.total == 1014596 * 1024ULL &&
		   m.available == 900000 * 1024ULL && m.slab == 50000 * 1024ULL,
	   "meminfo");
	ok(m.swappable == 1500 * 1024ULL && m.swap_free == 3000 * 1024ULL, "and its swap");
	ok(memory_parse(none_left, &m) == 0 && m.available == 0, "nothing available is nothing");
	ok(memory_parse(old, &m) == 0 && m.available == 150000 * 1024ULL, "before Linux 3.14");
	is_int(memory_parse("", &m), -EINVAL, "no meminfo");
}

static void test_this_machine(void)
{
	struct memory m = { 0 };
	int r = memory_read(&m);

	if (r == -ENOENT) {
		skip(2, "no /proc/meminfo");
		return;
	}
	is_int(r, 0, "this machine's memory is read");
	ok(m.total > 16 * MIB && m.available > 0 && m.available <= m.total,
	   "%llu of %llu MiB are available", (unsigned long long)(m.available / MIB),
	   (unsigned long long)(m.total / MIB));
}

int main(void)
{
	test_choices();
	test_numbers();
	test_small_files();
	test_huge();
	test_settle();
	test_ahead();
	test_layers();
	test_meminfo();
	test_this_machine();
	return done_testing();
}
