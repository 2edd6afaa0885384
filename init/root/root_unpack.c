/* The child that runs the unpack engine; see root.h. */
#include "root/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/console.h"
#include "base/report.h"
#include "devices/devices.h"
#include "root/root_fetch.h"
#include "root/root_room.h"
#include "zram/zram.h"

#define TICK_MS 250

/* Shared with the child: what it has done, and how it ended. */
struct unpack_shared {
	struct unpack_progress progress;
	struct unpack_result result;
	struct fail fail;
	struct block_time times[BLOCK_TIMES_MAX];
	bool done; /* the child came to its end, good or bad */
};

struct unpack_watch {
	struct unpack_shared *shared;
	struct boot *boot;
};

/* A few times a second while the child works. */
static void watch_unpack(void *arg)
{
	struct unpack_watch *w = arg;
	uint64_t used = report_sample_memory(w->boot);
	char fetched[FETCHED_TEXT_MAX];

	root_fetch_watch(w->boot, fetched);
	console_progress("unpack root", atomic_load(&w->shared->progress.bytes),
			 atomic_load(&w->shared->progress.total), fetched);
	if (used > w->boot->record.memory_peak)
		w->boot->record.memory_peak = used;
}

/* When memory runs out the kernel shall take the child, not anything else. */
static void be_first_victim(void)
{
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "1000", 4);
}

/* NULL: no memory. The child ends before it would free them. */
static const struct unpack_layer *list_layers(const struct boot *b)
{
	struct unpack_layer *layers = calloc(b->n_layers + 1, sizeof(*layers));

	for (size_t i = 0; layers && i < b->n_layers; i++) {
		const struct layer *l = &b->layers[i];

		layers[i] = (struct unpack_layer){ &l->payload, &l->blocks, &l->plan, l->discard };
	}
	return layers;
}

static int unpack_in_child(struct boot *b, struct unpack_shared *shared)
{
	struct root_room room;
	struct unpack_options options = {
		.layers = list_layers(b),
		.n_layers = b->n_layers,
		.blocks = &b->blocks,
		.plan = &b->plan,
		.discard = b->fetch.arrival || !b->keep_payload,
		.hold = true,
		.progress = &shared->progress,
		.times = shared->times,
		.n_times = BLOCK_TIMES_MAX,
		.may_go_on = root_room_check,
		.may_go_on_arg = &room,
	};

	if (!options.layers)
		return fail_errno(&shared->fail, ENOMEM, "the unpack child", "cannot start");
	root_room_open(&room, b);
	zram_lock_process(&b->zram);
	child_restore_signals();
	be_first_victim();
	if (chdir(NEW_ROOT) < 0 || chroot(".") < 0)
		return fail_errno(&shared->fail, errno, NEW_ROOT, "cannot chroot into it");
	options.root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (options.root_fd < 0)
		return fail_errno(&shared->fail, errno, NEW_ROOT, "cannot open it");
	return unpack_run(&b->payload, &options, &shared->result, &shared->fail);
}

static int explain_status(struct boot *b, const struct unpack_shared *shared, int status)
{
	if (payload_has_failed(&b->payload))
		return arrival_failure(b->fetch.arrival, &b->fail);
	if (shared->done && shared->fail.error) {
		b->fail = shared->fail;
		/* File capabilities; other attributes may be lost. xz has an advice of its own. */
		if (b->fail.error == ENOTSUP && !*b->fail.todo)
			snprintf(b->fail.todo, sizeof(b->fail.todo),
				 "Boot a kernel that has CONFIG_TMPFS_XATTR=y.");
		return -b->fail.error;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return fail_set(&b->fail, ENOMEM, "the unpack child",
				"Add memory, or pack a smaller root.",
				"it was killed, as the kernel does when memory runs out");
	if (WIFSIGNALED(status))
		return fail_set(
			&b->fail, EIO, "the unpack child",
			"Check the image with `tarboot verify` and the memory with memtest; "
			"report it when both are good.",
			"it died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (shared->done && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return fail_set(&b->fail, EIO, "the unpack child", NULL, "it ended with status %d",
			WEXITSTATUS(status));
}

static void report_unpacked(struct boot *b, const struct unpack_shared *shared, uint64_t usec)
{
	const struct unpack_result *r = &shared->result;
	char size[SIZE_TEXT_MAX];
	struct rusage usage;

	b->record.unpacked = *r;
	if (getrusage(RUSAGE_CHILDREN, &usage) == 0)
		b->record.unpack_peak = (uint64_t)usage.ru_maxrss * 1024;
	snprintf(b->detail, sizeof(b->detail),
		 "%s, %llu members, %llu blocks, %u threads, %llu MB/s",
		 size_format(size, r->bytes), (unsigned long long)r->members,
		 (unsigned long long)r->blocks, r->threads,
		 (unsigned long long)(usec ? r->bytes / usec : 0));
	if (r->losses.count)
		console_log(
			LOG_WARNING,
			"this kernel's tmpfs could not store %llu extended attributes, the first "
			"was %s (CONFIG_TMPFS_XATTR, CONFIG_TMPFS_POSIX_ACL; user.* from Linux "
			"6.6; none has more than 64 KiB)",
			(unsigned long long)r->losses.count, r->losses.first);
	if (r->losses.unknown)
		console_log(LOG_WARNING,
			    "%llu ACLs are lost, of which the first is of %s: they name users or "
			    "groups that the root's etc/passwd and etc/group do not have",
			    (unsigned long long)r->losses.unknown, r->losses.first_unknown);
}

static int run_child(struct boot *b)
{
	struct unpack_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct unpack_watch watch = { shared, b };
	uint64_t start = now_usec();
	pid_t pid;
	int r;

	if (shared == MAP_FAILED)
		return fail_errno(&b->fail, errno, "the unpack child",
				  "cannot allocate memory shared with it");
	pid = fork();
	if (pid == 0) {
		r = unpack_in_child(b, shared);
		shared->done = true;
		_exit(r < 0);
	}
	if (pid < 0)
		r = fail_errno(&b->fail, errno, "the unpack child", "cannot start it");
	else
		r = explain_status(b, shared, child_wait(pid, TICK_MS, watch_unpack, &watch));
	console_progress_end();
	memcpy(b->record.block_times, shared->times, sizeof(b->record.block_times));
	if (r == 0) {
		root_room_settle(b);
		zram_conclude(b);
		report_unpacked(b, shared, now_usec() - start);
	}
	munmap(shared, sizeof(*shared));
	return r;
}

int root_unpack(struct boot *b)
{
	int r = root_fetch_start(b); /* and with that the network has its driver */

	if (r == 0 && *b->zram.device && !b->params.shell)
		devices_drop_modules(b);
	if (r == 0)
		r = run_child(b);
	root_fetch_stop(b);
	return r;
}
