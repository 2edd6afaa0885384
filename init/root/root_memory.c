/* Is there enough memory, and how large may the root become? See root.h. */
#include "root/root.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/console.h"
#include "base/memory.h"
#include "zram/zram.h"

/* The limit that tarboot.mount= sets, in the kernel's notation; 0 = none. */
static uint64_t asked_inodes(const char *options)
{
	static const char key[] = "nr_inodes=";
	uint64_t limit = 0;
	char *end;

	while ((options = strstr(options, key))) {
		options += sizeof(key) - 1;
		limit = strtoull(options, &end, 0);
		if (*end == 'k' || *end == 'K')
			limit <<= 10;
		else if (*end == 'm' || *end == 'M')
			limit <<= 20;
	}
	return limit;
}

static int check_inodes(struct boot *b)
{
	uint64_t limit = asked_inodes(b->params.mount);

	if (limit == 0 || limit >= b->need.inodes)
		return 0;
	return fail_set(&b->fail, ENOSPC, "kernel parameter tarboot.mount",
			"Give a larger nr_inodes=, or leave it out.",
			"the root needs %llu inodes, but nr_inodes=%llu allows fewer",
			(unsigned long long)b->need.inodes, (unsigned long long)limit);
}

/* With zram only half of what is left: how much that is, is a guess. */
static uint64_t engine_budget(const struct memory *m, const struct rootsize_need *need)
{
	uint64_t left = rootsize_left(m, need);

	return min_u64(need->compressed ? left / 2 : left, m->available / 4);
}

/* One after the other is unpacked, each with its own plan. */
static uint64_t plan_all(struct boot *b, uint64_t budget)
{
	uint64_t most;

	engine_plan(&b->blocks, b->params.threads, budget, &b->plan);
	most = b->plan.memory;
	for (size_t i = 0; i < b->n_layers; i++) {
		struct layer *l = &b->layers[i];

		engine_plan(&l->blocks, b->params.threads, budget, &l->plan);
		if (l->plan.memory > most)
			most = l->plan.memory;
	}
	return most;
}

int root_check_memory(struct boot *b)
{
	char size[SIZE_TEXT_MAX], available[SIZE_TEXT_MAX], zram[48] = "";
	struct memory m;
	int r = memory_read(&m);

	if (r < 0)
		return fail_errno(&b->fail, r, "/proc/meminfo", "cannot read it");
	b->need.compressed = zram_will_gain(b);
	b->need.engine = plan_all(b, engine_budget(&m, &b->need));
	r = rootsize_choose(&m, &b->need, b->params.size, &b->root_size, &b->fail);
	if (r < 0)
		zram_advise(b, &b->fail);
	else
		r = check_inodes(b);
	if (b->need.compressed)
		snprintf(zram, sizeof(zram), ", about %s more with zram",
			 size_format(size, b->need.compressed));
	snprintf(b->detail, sizeof(b->detail), "root of %s%s, %s available%s",
		 b->need.is_estimate ? "at most " : "", size_format(size, b->root_size),
		 size_format(available, m.available), zram);
	return r;
}
