/* Steps around the new root; see root.h. */
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "child.h"
#include "console.h"
#include "elfinfo.h"
#include "initcheck.h"
#include "memory.h"
#include "read_all.h"
#include "report.h"
#include "root_room.h"
#include "systemd_needs.h"

#define MANIFEST_PATH "/" MANIFEST_MEMBER
#define TICK_MS 250
#define ROOT_OPTIONS_MAX 512

/* ---- find payload ---- */

/* *ret is the caller's. 0 or -errno. */
static int read_manifest_text(int fd, char **ret, size_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size > MANIFEST_TEXT_MAX)
		return -E2BIG;
	return read_all(fd, ret, ret_size);
}

/* About another payload it says nothing: neither how large that is nor which init is in it. */
static void forget_manifest(struct boot *b)
{
	char size[SIZE_TEXT_MAX];

	console_log(LOG_NOTICE, "the manifest is ignored: it describes another payload, /%s of %s",
		    manifest_payload(&b->manifest), size_format(size, b->manifest.payload_bytes));
	manifest_free(&b->manifest);
	b->has_manifest = false;
}

static int read_manifest(struct boot *b)
{
	_cleanup_close_ int fd = open(MANIFEST_PATH, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0; /* an image that tarboot did not make */
	r = fd < 0 ? -errno : read_manifest_text(fd, &text, &size);
	if (r == 0)
		r = manifest_parse(text, size, &b->manifest);
	if (r < 0)
		return manifest_fail(r, MANIFEST_PATH, &b->fail);
	b->has_manifest = true;
	if (!manifest_is_about(&b->manifest, b->params.rootfs))
		forget_manifest(b);
	return 0;
}

/* All zeros when it is a ramfs, which has no limit. */
struct rootfs {
	uint64_t limit; /* bytes */
	bool is_full;
};

static struct rootfs look_at_rootfs(void)
{
	struct rootfs r = { 0 };
	struct statfs s;

	if (statfs("/", &s) == 0 && s.f_blocks > 0) {
		r.limit = (uint64_t)s.f_blocks * (uint64_t)s.f_bsize;
		r.is_full = (uint64_t)s.f_bfree * (uint64_t)s.f_bsize < (1 << 20);
	}
	return r;
}

/* A kernel that has no room left for the initramfs cuts the payload and runs /init all the same. */
static int fail_no_room(struct boot *b, const char *have, const char *want, uint64_t limit)
{
	char ram[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX], todo[256];
	struct memory m = { 0 };

	(void)memory_read(&m);
	snprintf(todo, sizeof(todo),
		 "The machine has %s of memory, of which the kernel lets the initramfs take %s: "
		 "add memory, or boot Linux 6.1.176, 6.12.107 or later with "
		 "initramfs_options=size=90%%.",
		 size_format(ram, m.total), size_format(most, limit));
	return fail_set(&b->fail, ENOSPC, b->params.rootfs, todo,
			"the kernel had no room to unpack it: %s of %s are here", have, want);
}

static int fail_short_payload(struct boot *b, uint64_t present, uint64_t expected)
{
	char have[SIZE_TEXT_MAX], want[SIZE_TEXT_MAX];
	struct rootfs rootfs = look_at_rootfs();

	size_format(have, present);
	size_format(want, expected);
	if (rootfs.is_full || present < b->payload.size)
		return fail_no_room(b, have, want, rootfs.limit);
	return fail_set(&b->fail, EBADMSG, b->params.rootfs,
			"Copy the image again; `tarboot verify` on the server tells whether it is "
			"whole there.",
			"it is cut short: %s of %s are here", have, want);
}

/* Bytes of the payload that are really here: newer kernels give a file its full size before they
 * run out of room for its content, so its blocks must be counted. A ramfs counts none. */
static uint64_t present_bytes(const struct payload *p)
{
	uint64_t present = 0, blocks;
	struct statfs fs;
	struct stat st;

	for (size_t i = 0; i < p->n_parts; i++) {
		blocks = p->parts[i].size;
		if (fstatfs(p->parts[i].fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
		    fstat(p->parts[i].fd, &st) == 0)
			blocks = (uint64_t)st.st_blocks * 512;
		present += blocks < p->parts[i].size ? blocks : p->parts[i].size;
	}
	return present;
}

static int open_payload(struct boot *b)
{
	int r = payload_open(AT_FDCWD, b->params.rootfs, true, &b->payload, &b->fail);

	if (r != -ENOENT)
		return r;
	return fail_set(&b->fail, ENOENT, b->params.rootfs,
			"Pack the image again, have the boot loader load it as a second initrd, "
			"or name it with tarboot.rootfs=PATH.",
			look_at_rootfs().is_full
				? "it is not in the initramfs, which is full: this "
				  "machine has too little memory for the image"
				: "it is not in the initramfs");
}

/* A payload of another size than the manifest says is whole, and then another one that somebody put there,
 * or it is the manifest's and cut: only its end can tell. */
static int list_blocks(struct boot *b)
{
	uint64_t present = present_bytes(&b->payload), size = b->payload.size;
	uint64_t said = b->has_manifest ? b->manifest.payload_bytes : size;
	int r;

	if (present < size)
		return fail_short_payload(b, present, size > said ? size : said);
	r = block_list_read(&b->payload, &b->blocks, &b->fail);
	if (r < 0 && size < said)
		return fail_short_payload(b, present, said);
	if (r == 0 && size != said)
		forget_manifest(b);
	return r;
}

int root_find_payload(struct boot *b)
{
	char size[SIZE_TEXT_MAX];
	int r = read_manifest(b);

	if (r == 0)
		r = open_payload(b);
	if (r == 0)
		r = list_blocks(b);
	rootsize_need(b->has_manifest ? &b->manifest : NULL, b->blocks.uncompressed,
		      (uint64_t)sysconf(_SC_PAGESIZE), &b->need);
	snprintf(b->detail, sizeof(b->detail), "%s of %.100s", size_format(size, b->payload.size),
		 b->params.rootfs);
	return r;
}

/* ---- check memory ---- */

/* On a ramfs, which root= and rootfstype= make of the initramfs, nothing can be given back. */
static bool can_give_back(struct boot *b)
{
	struct statfs s;
	bool is_tmpfs = fstatfs(b->payload.parts[0].fd, &s) == 0 && s.f_type == TMPFS_MAGIC;

	if (!is_tmpfs)
		console_log(LOG_NOTICE, "the initramfs is a ramfs, so the archive stays in memory "
					"while it is unpacked: boot without root= and rootfstype=");
	return is_tmpfs && !b->keep_payload;
}

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

int root_check_memory(struct boot *b)
{
	char size[SIZE_TEXT_MAX], available[SIZE_TEXT_MAX];
	struct memory m;
	int r = memory_read(&m);

	if (r < 0)
		return fail_errno(&b->fail, r, "/proc/meminfo", "cannot read it");
	if (can_give_back(b))
		b->need.given_back = b->payload.size;
	else
		b->keep_payload = true;
	engine_plan(&b->blocks, b->params.threads,
		    min_u64(rootsize_left(&m, &b->need), m.available / 4), &b->plan);
	b->need.engine = b->plan.memory;
	r = rootsize_choose(&m, &b->need, b->params.size, &b->root_size, &b->fail);
	if (r == 0)
		r = check_inodes(b);
	snprintf(b->detail, sizeof(b->detail), "root of %s%s, %s available",
		 b->need.is_estimate ? "at most " : "", size_format(size, b->root_size),
		 size_format(available, m.available));
	return r;
}

/* ---- mount root ---- */

/* tmpfs allows as many inodes as half the pages of RAM, which a small machine with many small files
 * outgrows; the tree and half as many again shall fit. */
static uint64_t inode_limit(const struct boot *b)
{
	if (b->need.is_estimate)
		return root_room_inodes(b->need.inodes_most);
	/* From Linux 6.6 on, a KiB of extended attributes counts as an inode. */
	return root_room_inodes(b->need.inodes + b->need.xattrs / 1024);
}

/* On several NUMA nodes the root is spread over all, or one node would lose what it takes.
 * Large pages only inside files that fill them: they take no more memory and make unpacking a little
 * faster, and programs that run from the root. A kernel without them refuses the option. */
static int mount_root(struct boot *b, char options[ROOT_OPTIONS_MAX])
{
	static const char *const huge[] = { ",huge=within_size", "" };
	bool asked = strstr(b->params.mount, "huge=");
	bool spread = !strstr(b->params.mount, "mpol=") && memory_is_on_several_nodes();
	int r = -EINVAL;

	for (size_t i = asked; r == -EINVAL && i < ARRAY_SIZE(huge); i++) {
		snprintf(options, ROOT_OPTIONS_MAX, "mode=0755,size=%llu,nr_inodes=%llu%s%s%s%s",
			 (unsigned long long)b->root_size, (unsigned long long)inode_limit(b),
			 huge[i], spread ? ",mpol=interleave" : "", *b->params.mount ? "," : "",
			 b->params.mount);
		r = mount("tarboot", NEW_ROOT, "tmpfs", 0, options) < 0 ? -errno : 0;
	}
	return r;
}

int root_mount(struct boot *b)
{
	char options[ROOT_OPTIONS_MAX];
	struct statfs fs;
	int r;

	if (mkdir(NEW_ROOT, 0755) < 0 && errno != EEXIST)
		return fail_errno(&b->fail, errno, NEW_ROOT, "cannot make the directory");
	r = mount_root(b, options);
	if (r < 0)
		return fail_set(&b->fail, -r, NEW_ROOT,
				r == -ENODEV ? "Boot a kernel that has CONFIG_TMPFS=y."
					     : "Look at tarboot.mount= and tarboot.size=.",
				"cannot mount a tmpfs (%s): %s", options, strerror(-r));
	console_log(LOG_DEBUG, "mounted a tmpfs on " NEW_ROOT " (%s)", options);
	b->new_root_fd = open(NEW_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->new_root_fd < 0)
		return fail_errno(&b->fail, errno, NEW_ROOT, "cannot open it");
	if (fstatfs(b->new_root_fd, &fs) == 0 && fs.f_type == RAMFS_MAGIC)
		return fail_set(&b->fail, ENODEV, NEW_ROOT,
				"Boot a kernel that has CONFIG_SHMEM=y and CONFIG_TMPFS=y.",
				"this kernel's tmpfs is a ramfs: it has no size, so the root would "
				"take all memory, and no extended attributes");
	return 0;
}

void root_forget(struct boot *b)
{
	if (b->new_root_fd >= 0)
		close(b->new_root_fd);
	b->new_root_fd = -1;
	(void)umount2(NEW_ROOT, MNT_DETACH); /* if it is mounted */
	payload_close(&b->payload);
	block_list_free(&b->blocks);
	manifest_free(&b->manifest);
	b->has_manifest = false;
}

/* ---- unpack ---- */

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

	console_progress(atomic_load(&w->shared->progress.bytes),
			 atomic_load(&w->shared->progress.total));
	if (used > w->boot->memory_peak)
		w->boot->memory_peak = used;
}

/* When memory runs out the kernel shall take the child, not anything else. */
static void be_first_victim(void)
{
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "1000", 4);
}

static int unpack_in_child(struct boot *b, struct unpack_shared *shared)
{
	struct root_room room;
	struct unpack_options options = {
		.plan = &b->plan,
		.discard = !b->keep_payload,
		.hold = true,
		.progress = &shared->progress,
		.times = shared->times,
		.n_times = BLOCK_TIMES_MAX,
		.may_go_on = root_room_check,
		.may_go_on_arg = &room,
	};

	root_room_open(&room, b->blocks.uncompressed);
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
	if (!shared->done)
		return fail_set(&b->fail, EIO, "the unpack child", NULL, "it ended with status %d",
				WEXITSTATUS(status));
	return 0;
}

static void report_unpacked(struct boot *b, const struct unpack_shared *shared, uint64_t usec)
{
	const struct unpack_result *r = &shared->result;
	char size[SIZE_TEXT_MAX];
	struct rusage usage;

	b->unpacked = *r;
	if (getrusage(RUSAGE_CHILDREN, &usage) == 0)
		b->unpack_peak = (uint64_t)usage.ru_maxrss * 1024;
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
			"6.6)",
			(unsigned long long)r->losses.count, r->losses.first);
}

int root_unpack(struct boot *b)
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
	memcpy(b->block_times, shared->times, sizeof(b->block_times));
	if (r == 0) {
		root_room_settle(b);
		report_unpacked(b, shared, now_usec() - start);
	}
	munmap(shared, sizeof(*shared));
	return r;
}

/* ---- check new init ---- */

int root_check_init(struct boot *b)
{
	struct root_files files = root_files_at(b->new_root_fd);
	const char *path = initcheck_find(&files, b->params.init, b->manifest.init,
					  program_own_machine(), &b->fail);

	if (!path)
		return -b->fail.error;
	snprintf(b->new_init, sizeof(b->new_init), "%s", path);
	snprintf(b->detail, sizeof(b->detail), "%.150s", path);
	if (systemd_needs_check(b->new_root_fd, path, &b->fail) < 0)
		return -b->fail.error;
	payload_close(&b->payload);
	block_list_free(&b->blocks);
	return 0;
}
