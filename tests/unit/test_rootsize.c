/* How large the root becomes, and when it does not fit. */
#include "rootsize.h"

#include <errno.h>

#include "tap.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

static const struct memory one_gib = { GIB, 900 * MIB };

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
	struct fail f;
	uint64_t size;

	rootsize_choose(&one_gib, &need, (struct size){ SIZE_AUTO, 0 }, &size, &f);
	ok(strstr(f.why, "1.53 GiB") && strstr(f.why, "40213") && strstr(f.why, "900.0 MiB"),
	   "needed, inodes and free: %s", f.why);
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
	test_this_machine();
	return done_testing();
}
