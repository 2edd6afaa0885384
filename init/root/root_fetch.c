#include "root/root_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/console.h"
#include "base/report.h"
#include "fetch/receive.h"
#include "image/members.h"
#include "image/pinned.h"
#include "net/network.h"
#include "net/resolv.h"

#define ARRIVING "/tarboot/arriving" /* mount point, for a moment */
#define OPTIONS "size=100%,mode=0700"
#define END_MS 2000
#define TICK_MS 250

/* What the receiver process gets. */
struct receive_task {
	struct arrival *arrival;
	int fd;
	struct receive_options options;
};

/* A tmpfs of its own, since that of the initramfs may be a ramfs, or have a limit; what arrives is read soon, and would gain nothing
 * in compressed swap. It goes with its last descriptor. */
int root_fetch_open_file(void)
{
	int fd, r;

	if (mkdir(ARRIVING, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (mount("tarboot", ARRIVING, "tmpfs", 0, OPTIONS ",noswap") < 0 && /* Linux 6.4 */
	    mount("tarboot", ARRIVING, "tmpfs", 0, OPTIONS) < 0)
		return -errno;
	fd = open(ARRIVING "/payload", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd;
	(void)umount2(ARRIVING, MNT_DETACH);
	(void)rmdir(ARRIVING);
	return r;
}

/* ---- the receiver process ---- */

static void tell(void *arg, bool is_trouble, const char *line)
{
	(void)arg;
	console_log(is_trouble ? LOG_WARNING : LOG_NOTICE, "%s", line);
}

static void run_receiver(void *arg, int parent)
{
	struct receive_task *t = arg;
	struct fail f;

	(void)parent;
	(void)receive_run(t->arrival, t->fd, &t->options, &f);
}

int root_fetch_check(struct boot *b, const char *parameter)
{
	char what[64];

	if (access("/" MEMBER_FETCHER, X_OK) == 0)
		return 0;
	snprintf(what, sizeof(what), "kernel parameter %s", parameter);
	return fail_set(&b->fail, ENOENT, what, "Pack the image with `tarboot pack --stream`.",
			"the image has no program that fetches (/" MEMBER_FETCHER ")");
}

void root_fetch_order(const struct boot *b, struct url *urls, size_t n)
{
	const uint8_t *mac = network_mac(b);

	if (mac)
		url_list_order(urls, n, mac);
}

int root_fetch_run(struct boot *b, const struct url *urls, size_t n, int fd,
		   enum root_fetch_what what)
{
	struct receive_task t = {
		.arrival = b->fetch.arrival,
		.fd = fd,
		.options = { .from = { .program = "/" MEMBER_FETCHER,
				       .urls = urls,
				       .n_urls = n,
				       .proxy = b->params.proxy,
				       .chroot = FETCH_ROOT },
			     .patience = (unsigned)b->params.netwait,
			     .is_size_unknown = what == ROOT_FETCH_WHOLE ||
						what == ROOT_FETCH_IF_THERE ||
						what == ROOT_FETCH_OPTIONAL,
			     .is_part = what == ROOT_FETCH_PART,
			     .may_be_missing = what == ROOT_FETCH_IF_THERE ||
					       what == ROOT_FETCH_OPTIONAL,
			     .only_if_nowhere = what == ROOT_FETCH_OPTIONAL,
			     .tell = tell },
	};
	int r;

	b->fetch.receiver = (struct background){ .what = "the receiver" };
	r = background_start(&b->fetch.receiver, run_receiver, &t);
	return r < 0 ? fail_errno(&b->fail, r, "the receiver", "cannot start it") : 0;
}

/* When the receiver has died, the arrival fails. */
static void check_receiver(struct boot *b)
{
	if (b->fetch.receiver.child.has_ended)
		receive_note_end(b->fetch.arrival, b->fetch.receiver.child.status,
				 "Add memory; report it when there is enough.");
}

void root_fetch_watch(struct boot *b, char ret[FETCHED_TEXT_MAX])
{
	char arrived[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX];

	*ret = '\0';
	if (!b->fetch.arrival)
		return;
	check_receiver(b);
	snprintf(ret, FETCHED_TEXT_MAX, "%s of %s fetched",
		 size_format(arrived, atomic_load(&b->fetch.arrival->arrived)),
		 size_format(size, b->fetch.arrival->size));
}

static void record(const struct arrival *a, struct fetch_record *ret)
{
	*ret = (struct fetch_record){ .first_byte = atomic_load(&a->first_byte),
				      .last_byte = atomic_load(&a->last_byte),
				      .held = atomic_load(&a->held),
				      .bytes = atomic_load(&a->arrived),
				      .failures = atomic_load(&a->failures),
				      .end = now_usec(),
				      .from = atomic_load(&a->from) };
}

void root_fetch_stop(struct boot *b)
{
	if (b->fetch.arrival) {
		arrival_cancel(b->fetch.arrival);
		record(b->fetch.arrival, &b->record.fetched);
	}
	if (b->fetch.receiver.child.pid)
		(void)background_end(&b->fetch.receiver, END_MS, NULL);
	if (b->payload.arrival ==
	    b->fetch.arrival) /* else it is b->held, of a payload that is here */
		b->payload.arrival = NULL;
	arrival_free(b->fetch.arrival);
	b->fetch.arrival = NULL;
}

/* ---- a file before the payload ---- */

int root_fetch_await(struct boot *b, const struct url *urls, size_t n, int fd,
		     enum root_fetch_what what, uint64_t *ret_to, uint64_t *ret_size)
{
	int r;

	if (!b->fetch.arrival)
		return fail_errno(&b->fail, ENOMEM, urls[0].text, "cannot fetch it");
	r = root_fetch_run(b, urls, n, fd, what);
	while (r == 0 && !background_wait(&b->fetch.receiver, TICK_MS)) {
		(void)report_sample_memory(b);
		if (what == ROOT_FETCH_WHOLE)
			console_progress("fetch", atomic_load(&b->fetch.arrival->arrived),
					 atomic_load(&b->fetch.arrival->told_size), "");
	}
	console_progress_end();
	check_receiver(b);
	if (r == 0 && arrival_state(b->fetch.arrival) != ARRIVAL_COMPLETE)
		r = arrival_failure(b->fetch.arrival, &b->fail);
	*ret_to = atomic_load(&b->fetch.arrival->arrived);
	*ret_size = atomic_load(&b->fetch.arrival->told_size);
	root_fetch_stop(b);
	return r;
}

int root_fetch_file(struct boot *b, const struct url *urls, size_t n, uint64_t max,
		    enum root_fetch_what what, int *ret)
{
	_cleanup_close_ int fd = root_fetch_open_file();
	uint64_t to, size;
	int r;

	if (fd < 0)
		return fail_errno(&b->fail, fd, urls[0].text, "cannot keep what arrives");
	b->fetch.arrival = arrival_new(max, UINT64_MAX, 0);
	r = root_fetch_await(b, urls, n, fd, what, &to, &size);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(&b->fail, errno, urls[0].text, "cannot read it");
	*ret = take_fd(&fd);
	return 0;
}

/* ---- for the unpack child ---- */

static int open_sparse(struct boot *b)
{
	int fd = root_fetch_open_file(), r;

	if (fd < 0)
		return fail_errno(&b->fail, fd, b->payload.name, "cannot keep what arrives");
	r = ftruncate(fd, (off_t)b->fetch.payload_bytes) < 0 ? -errno : 0;
	if (r == 0)
		r = payload_add(&b->payload, fd, 0, b->fetch.payload_bytes);
	else
		close(fd);
	return r < 0 ? fail_errno(&b->fail, r, b->payload.name, "cannot keep what arrives") : 0;
}

/* What arrives takes no memory beside the tree: as long as bytes of a Block are kept, what it holds is not in the tree yet, and that
 * is more. So the window need not fit beside all of the tree, and shrinks by itself to what is still to come. But it takes memory beside a
 * tree that is compressed, and would itself be swapped, for nothing. */
static struct arrival *new_arrival(const struct boot *b)
{
	unsigned decoders = b->plan.decoders;
	uint64_t window = *b->zram.device
				  ? block_list_least_window(&b->blocks, b->fetch.payload_bytes,
							    decoders)
				  : block_list_window(&b->blocks, b->fetch.payload_bytes, decoders);

	return b->has_manifest ? pinned_arrival(&b->manifest, window)
			       : arrival_new(b->fetch.payload_bytes, window, 0);
}

int root_fetch_start(struct boot *b)
{
	int r;

	if (!b->fetch.arrives)
		return 0;
	r = network_wait(b);
	if (r == 0)
		r = open_sparse(b);
	if (r < 0)
		return r;
	if (!b->has_keys) /* else they stand behind the one that the manifest is from */
		root_fetch_order(b, b->fetch.urls, b->fetch.n_urls);
	b->fetch.arrival = new_arrival(b);
	if (!b->fetch.arrival)
		return fail_errno(&b->fail, ENOMEM, b->payload.name, "cannot fetch it");
	r = root_fetch_run(b, b->fetch.urls, b->fetch.n_urls, b->payload.parts[0].fd,
			   ROOT_FETCH_ALL);
	b->payload.arrival = b->fetch.arrival;
	return r;
}
