/* /proc/meminfo, looked at as rarely as it can be. */
#include "root/root_room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include "base/console.h"
#include "zram/zram.h"

/* Bytes that the engine may take, headers aside, with the plan that takes most. */
static uint64_t most_of_engine(const struct boot *b)
{
	uint64_t most = b->plan.memory - b->plan.headers;

	for (size_t i = 0; i < b->n_layers; i++) {
		const struct engine_plan *p = &b->layers[i].plan;

		if (p->memory - p->headers > most)
			most = p->memory - p->headers;
	}
	return most - PLAN_HEADERS_LEAST;
}

static uint64_t bytes_of_all(const struct boot *b)
{
	uint64_t bytes = b->blocks.uncompressed;

	for (size_t i = 0; i < b->n_layers; i++)
		bytes = add_u64(bytes, b->layers[i].blocks.uncompressed);
	return bytes;
}

void root_room_open(struct root_room *ret, const struct boot *b)
{
	*ret = (struct root_room){ .meminfo_fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC),
				   .statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC),
				   .engine = most_of_engine(b),
				   .page = (uint64_t)sysconf(_SC_PAGESIZE),
				   .total = bytes_of_all(b),
				   .arrival = b->fetch.arrival,
				   .zram = &b->zram };
}

/* Bytes of the plan that are not in memory yet. Headers are seldom as large as they may be, and the floor has room for them. What
 * the kernel tells lags behind, so the most that it ever told counts; where it tells nothing, nothing is to come. */
static uint64_t engine_to_come(struct root_room *room)
{
	uint64_t taken = memory_own_from(room->statm_fd);

	if (taken > room->taken)
		room->taken = taken;
	return room->taken > 0 && room->engine > room->taken ? room->engine - room->taken : 0;
}

int root_room_check(void *arg, uint64_t bytes, uint64_t unwritten, uint64_t *ret_next,
		    struct fail *f)
{
	char left[SIZE_TEXT_MAX], done[SIZE_TEXT_MAX], all[SIZE_TEXT_MAX];
	struct root_room *room = arg;
	uint64_t ahead, available, free, taken;
	struct memory m;

	*ret_next = bytes + PLAN_CHUNK;
	if (memory_read_from(room->meminfo_fd, &m) < 0)
		return 0;
	taken = m.slab + unwritten + engine_to_come(room); /* the tree's inodes stay */
	if (room->arrival)
		taken += arrival_room(room->arrival);
	available = m.available +
		    zram_can_gain(room->zram, &m, room->arrival ? arrival_kept(room->arrival) : 0);
	free = available > taken ? available - taken : 0;
	ahead = rootsize_ahead(free, room->page);
	*ret_next = bytes + ahead;
	if (ahead > 0)
		return 0;
	return fail_set(f, ENOMEM, "memory", "Add memory, or pack a smaller root.",
			"it is used up: %s are free after %s of the archive's %s",
			size_format(left, free), size_format(done, bytes),
			size_format(all, room->total));
}

uint64_t root_room_inodes(uint64_t wanted)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	uint64_t usual = pages > 0 ? (uint64_t)pages / 2 : 0;

	wanted = wanted + wanted / 2 + 1024;
	return wanted > usual ? wanted : usual;
}

/* Has the user given inodes as a mount option? They stay, and so does a size. */
static bool has_own_inodes(const struct boot *b)
{
	return strstr(b->params.mount, "nr_inodes=");
}

/* As it would have been mounted. */
static int remount(const struct boot *b)
{
	char options[128] = "";
	int n = 0;

	if (!params_mount_has_size(&b->params))
		n = snprintf(options, sizeof(options), "size=%llu",
			     (unsigned long long)b->root_size);
	if (!has_own_inodes(b))
		snprintf(options + n, sizeof(options) - (size_t)n, "%snr_inodes=%llu", n ? "," : "",
			 (unsigned long long)root_room_inodes(b->need.inodes));
	if (!*options)
		return 0;
	return mount("tarboot", NEW_ROOT, "tmpfs", MS_REMOUNT, options) < 0 ? -errno : 0;
}

void root_room_settle(struct boot *b)
{
	char tree[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX];
	struct statfs s;
	struct memory m;

	if (!b->need.is_estimate || fstatfs(b->new_root_fd, &s) < 0 || memory_read(&m) < 0)
		return;
	m.available += zram_can_gain(&b->zram, &m, 0);
	b->need.tree = (uint64_t)(s.f_blocks - s.f_bfree) * (uint64_t)s.f_bsize;
	b->need.inodes = (uint64_t)(s.f_files - s.f_ffree);
	if (!params_mount_has_size(&b->params) && b->params.size.kind == SIZE_AUTO)
		b->root_size = rootsize_settle(&m, b->need.tree);
	if (remount(b) < 0) {
		console_log(LOG_WARNING, "cannot shrink the root's tmpfs after unpacking: %m");
		return;
	}
	console_log(LOG_NOTICE, "the root takes %s and %llu inodes, and may grow to %s",
		    size_format(tree, b->need.tree), (unsigned long long)b->need.inodes,
		    size_format(size, b->root_size));
}
