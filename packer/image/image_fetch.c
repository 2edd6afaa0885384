/* The receiver is a process of its own, forked before the engine's threads, as in init. */
#include "image/image_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cpus.h"
#include "base/elfinfo.h"
#include "base/host_files.h"
#include "base/print.h"
#include "base/read_all.h"
#include "base/spool.h"
#include "base/threads.h"
#include "fetch/receive.h"
#include "image/pinned.h"
#include "image/signed_manifest.h"

#define WHY_MAX (URL_MAX + 64)         /* of a URL and a reason */
#define PATIENCE 20                    /* seconds without a byte */
#define LOOK_USEC 50000                /* how often the progress is looked at */
#define FILE_MAX ((uint64_t)INT64_MAX) /* bytes of a file of unknown size */

static const char todo_died[] = "Free memory, and try again.";
static const char no_blocks[] = "it lists no Blocks";

struct urls {
	char fetcher[256];
	struct url list[URLS_MAX];
	struct url manifests[URLS_MAX], signatures[URLS_MAX]; /* beside these */
	size_t n;
};

/* The servers of the list from that one on. list: the URLs, or the manifests beside them. */
static struct fetch_source source_from(const struct urls *u, const struct url *list, size_t first)
{
	return (struct fetch_source){ .program = u->fetcher,
				      .urls = list + first,
				      .n_urls = u->n - first,
				      .proxy = FETCH_PROXY_OF_ENVIRONMENT };
}

/* ---- the receiver ---- */

/* In the receiver's process, while another one draws the progress. */
static void tell(void *arg, bool is_trouble, const char *line)
{
	(void)arg;
	if (is_trouble && print_draws_progress())
		fputs("\r\033[K", stderr);
	if (is_trouble)
		print_warning("%s", line);
}

static void receive(struct arrival *a, int fd, const struct fetch_source *from,
		    bool is_size_unknown, pid_t parent)
{
	const struct receive_options o = {
		.from = *from,
		.patience = PATIENCE,
		.is_size_unknown = is_size_unknown,
		.may_be_missing = true, /* nobody is about to publish it */
		.directory = spool_directory(),
		.tell = tell,
	};
	struct fail f;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent) /* it has not ended before that */
		(void)receive_run(a, fd, &o, &f);
}

/* Returns the receiver, or -errno. */
static pid_t start_receiver(struct arrival *a, int fd, const struct fetch_source *from,
			    bool is_size_unknown)
{
	pid_t parent = getpid(), pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		receive(a, fd, from, is_size_unknown, parent);
		_exit(EXIT_OK);
	}
	return pid < 0 ? -errno : pid;
}

/* ---- a whole file ---- */

static void watch_receiver(const struct arrival *a, pid_t receiver, int *ret_status)
{
	while (waitpid(receiver, ret_status, WNOHANG) == 0) {
		print_progress("fetching", atomic_load(&a->arrived), 0);
		usleep(LOOK_USEC);
	}
	print_progress_end();
}

/* Fetches a file of at most so many bytes into fd. *ret_url: which of them sent its last byte. -ENOENT: no server has it. */
static int fetch_whole(const struct fetch_source *from, uint64_t most, int fd, size_t *ret_url,
		       struct fail *f)
{
	struct arrival *a = arrival_new(most, UINT64_MAX, 0);
	pid_t receiver = a ? start_receiver(a, fd, from, true) : -ENOMEM;
	int status, r = 0;

	if (receiver < 0) {
		arrival_free(a);
		return fail_errno(f, receiver, from->urls[0].text, "cannot fetch it");
	}
	watch_receiver(a, receiver, &status);
	receive_note_end(a, status, todo_died);
	if (arrival_state(a) != ARRIVAL_COMPLETE)
		r = arrival_failure(a, f);
	*ret_url = atomic_load(&a->from);
	arrival_free(a);
	return r;
}

/* ---- the manifest ---- */

static void forget_manifest(struct image *image)
{
	manifest_free(&image->manifest);
	free(image->manifest_text);
	image->manifest_text = NULL;
}

/* A small file, into a spool that the caller closes, from its beginning on. */
static int fetch_spool(const struct fetch_source *from, uint64_t most, struct spool *ret,
		       size_t *ret_url, struct fail *f)
{
	int r = spool_new(ret, f);

	if (r < 0)
		return r;
	r = fetch_whole(from, most, ret->fd, ret_url, f);
	if (r == 0 && lseek(ret->fd, 0, SEEK_SET) < 0)
		r = fail_errno(f, errno, from->urls[*ret_url].text, "cannot read it");
	if (r < 0)
		spool_close(ret);
	return r;
}

/* Before anything of the manifest is used: is it signed, by the signature that the same server has? */
static int check_signature(struct image_fetch *x, const struct urls *u, size_t url, int manifest,
			   struct fail *f)
{
	struct fetch_source from = source_from(u, u->signatures, url);
	_cleanup_free_ char *text = NULL, *signature = NULL;
	struct signed_text t = { 0 };
	struct spool spool;
	size_t unused;
	int r;

	from.n_urls = 1;
	r = fetch_spool(&from, SIGNATURE_TEXT_MAX, &spool, &unused, f);
	if (r == -ENOENT)
		return fail_set(f, EKEYREJECTED, u->signatures[url].text, SIGNATURE_TODO,
				"the server does not have it, and --trust asks for a signature");
	if (r < 0) {
		f->error = EKEYREJECTED; /* whatever it was: another server may have a better one */
		snprintf(f->todo, sizeof(f->todo), "%s", SIGNATURE_TODO);
		return -EKEYREJECTED;
	}
	r = read_all(spool.fd, &signature, &t.signature_size);
	spool_close(&spool);
	if (r == 0)
		r = read_all(manifest, &text, &t.size);
	if (r == 0 && lseek(manifest, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return fail_errno(f, r, u->manifests[url].text, "cannot read it");
	t.text = text;
	t.signature = signature;
	return signature_check_manifest(u->manifests[url].text, &t, x->keys, &x->signer, f);
}

/* From the servers from first on. *ret_url: the one that sent it. -ENOENT: none has it; -EBADMSG, -EPROTO, -EKEYREJECTED: what it
 * sent cannot be used. */
static int fetch_one(struct image_fetch *x, const struct urls *u, size_t first, size_t *ret_url,
		     struct fail *f)
{
	const struct fetch_source from = source_from(u, u->manifests, first);
	struct spool spool;
	size_t url = 0;
	int r = fetch_spool(&from, MANIFEST_TEXT_MAX, &spool, &url, f);

	*ret_url = first + url;
	if (r < 0)
		return r;
	r = x->keys ? check_signature(x, u, *ret_url, spool.fd, f) : 0;
	if (r == 0)
		r = image_take_manifest(&x->image, spool.fd, u->manifests[*ret_url].text, f);
	spool_close(&spool);
	return r;
}

/* The first that lists Blocks: what one server has may be damaged, or old. *ret_url: of list, that sent it. A manifest that is
 * damaged is not the same as none: the payload would go unchecked. */
static int fetch_readable(struct image_fetch *x, const struct urls *u, size_t *ret_url,
			  struct fail *f)
{
	struct image *image = &x->image;
	struct fail damaged = { 0 };
	int r;

	*ret_url = 0;
	for (size_t first = 0;; first = *ret_url + 1) {
		r = fetch_one(x, u, first, ret_url, f);
		if (r == -EBADMSG || r == -EPROTO || r == -EKEYREJECTED)
			damaged = *f;
		else if (r < 0 || pinned_is_possible(&image->manifest))
			break;
		if (*ret_url + 1 >= u->n)
			break;
		print_warning("%s: %s: the manifest of the next server is tried",
			      u->manifests[*ret_url].text, r < 0 ? f->why : no_blocks);
		forget_manifest(image);
	}
	if (damaged.error && (r == 0 || r == -ENOENT) && !pinned_is_possible(&image->manifest)) {
		*f = damaged;
		r = -f->error;
	}
	return r;
}

static int fail_unsigned(const struct urls *u, bool is_missing, struct fail *f)
{
	return is_missing
		       ? fail_set(f, EKEYREJECTED, u->manifests[0].text, SIGNATURE_TODO,
				  "%s, and --trust asks for a signed manifest",
				  u->n == 1 ? "the server does not have it" : "no server has one")
		       : fail_set(f, EKEYREJECTED, u->manifests[0].text, SIGNED_MANIFEST_TODO,
				  "%s, so its signature says nothing of the payload", no_blocks);
}

/* Without one that lists Blocks image->has_manifest is false, and *ret_why says why there is none. */
static int fetch_manifest(struct image_fetch *x, struct urls *u, char ret_why[WHY_MAX],
			  struct fail *f)
{
	struct image *image = &x->image;
	size_t url = 0;
	int r = url_list_beside(u->list, u->n, ".manifest", u->manifests, f);

	if (r == 0 && x->keys)
		r = url_list_beside(u->list, u->n, ".manifest" SIGNATURE_SUFFIX, u->signatures, f);
	if (r == 0)
		r = fetch_readable(x, u, &url, f);
	if (r == -ENOENT)
		snprintf(ret_why, WHY_MAX, "%s: %s", f->what, f->why);
	else if (r == 0 && !pinned_is_possible(&image->manifest))
		snprintf(ret_why, WHY_MAX, "%s: %s", u->manifests[url].text, no_blocks);
	if ((r == 0 || r == -ENOENT) && x->keys && !pinned_is_possible(&image->manifest))
		r = fail_unsigned(u, r == -ENOENT, f);
	image->has_manifest = r == 0 && pinned_is_possible(&image->manifest);
	if (!image->has_manifest)
		forget_manifest(image);
	return r == -ENOENT ? 0 : r;
}

/* One that the user has, and so trusts more than what a server gives. */
static int read_given(struct image_fetch *x, const char *path, struct fail *f)
{
	struct image *image = &x->image;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char signature[PATH_MAX];
	int r = fd < 0 ? fail_errno(f, errno, path, "cannot open it")
		       : image_take_manifest(image, fd, path, f);

	snprintf(signature, sizeof(signature), "%.*s" SIGNATURE_SUFFIX, PATH_MAX - 16, path);
	if (r == 0 && x->keys)
		r = signed_manifest_check(path, image->manifest_text, strlen(image->manifest_text),
					  signature, x->keys, &x->signer, f);
	image->has_manifest = r == 0 && pinned_is_possible(&image->manifest);
	if (r == 0 && !image->has_manifest)
		return fail_set(f, EINVAL, path, IMAGE_TODO_MANIFEST, "%s", no_blocks);
	return r;
}

/* ---- while it arrives ---- */

static void *wait_for_receiver(void *arg)
{
	struct image_fetch *x = arg;
	int status = 0;

	while (waitpid(x->receiver, &status, 0) < 0 && errno == EINTR)
		;
	receive_note_end(x->arrival, status, todo_died);
	return NULL;
}

/* A temporary file of the payload's size without its bytes, most of which are given back soon after they came. */
static int open_sparse(struct image *image, struct fail *f)
{
	struct spool spool;
	int r = spool_new(&spool, f), fd;

	if (r < 0)
		return r;
	fd = fcntl(spool.fd, F_DUPFD_CLOEXEC, 0);
	spool_close(&spool);
	r = fd < 0 || ftruncate(fd, (off_t)image->size) < 0 ? -errno : 0;
	if (r == 0)
		r = payload_add(&image->payload, fd, 0, image->size);
	else if (fd >= 0)
		close(fd);
	return r < 0 ? fail_errno(f, r, image->path, "cannot keep what arrives") : 0;
}

/* For all decoders that there may be. */
static int choose_window(const struct image *image, uint64_t *ret, struct fail *f)
{
	struct block_list blocks;
	int r = image_read_blocks(image, &blocks, f);

	if (r < 0)
		return r;
	*ret = block_list_window(&blocks, image->size, cpus_usable());
	block_list_free(&blocks);
	return 0;
}

static int start(struct image_fetch *x, const struct urls *u, struct fail *f)
{
	const struct fetch_source from = source_from(u, u->list, 0);
	struct image *image = &x->image;
	uint64_t window = 0;
	unsigned n;
	int r;

	image->arrives = true;
	image->size = image->manifest.payload_bytes;
	r = open_sparse(image, f);
	if (r == 0)
		r = choose_window(image, &window, f);
	if (r < 0)
		return r;
	x->arrival = pinned_arrival(&image->manifest, window);
	r = x->arrival ? start_receiver(x->arrival, image->payload.parts[0].fd, &from, false)
		       : -ENOMEM;
	if (r < 0)
		return fail_errno(f, r, image->path, "cannot fetch it");
	x->receiver = r;
	r = threads_start(&x->waiter, 1, wait_for_receiver, x, &n);
	if (r < 0) {
		arrival_cancel(x->arrival);
		wait_for_receiver(x);
		x->receiver = 0;
		return fail_errno(f, r, image->path, "cannot fetch it");
	}
	image->payload.arrival = x->arrival;
	return 0;
}

/* ---- the whole ---- */

static int open_whole(struct image_fetch *x, const struct urls *u, const char *why, struct fail *f)
{
	const struct fetch_source from = source_from(u, u->list, 0);
	struct spool spool;
	size_t url;
	int r = spool_new(&spool, f), fd;

	if (r < 0)
		return r;
	print_warning("%s, so the whole file is fetched before anything of it is checked: "
		      "`tarboot netboot --stream` publishes a manifest",
		      why);
	r = fetch_whole(&from, FILE_MAX, spool.fd, &url, f);
	fd = r < 0 ? -1 : fcntl(spool.fd, F_DUPFD_CLOEXEC, 0);
	spool_close(&spool);
	if (r < 0)
		return r;
	return image_open_fd(fd, x->name, &x->image, f);
}

static int read_urls(const char *text, struct urls *ret, struct fail *f)
{
	int r = url_list_parse(text, ret->list, &ret->n, f);

	return r == 0 ? host_find_fetcher(program_own_machine(), ret->fetcher, f) : r;
}

int image_fetch_open(const char *text, const struct image_fetch_wish *wish, struct image_fetch *ret,
		     struct fail *f)
{
	_cleanup_free_ struct urls *u = calloc(1, sizeof(*u));
	struct image_fetch *x = ret;
	int r = u ? read_urls(text, u, f) : fail_errno(f, ENOMEM, text, "cannot fetch it");
	char why[WHY_MAX] = "";

	*x = (struct image_fetch){ .keys = wish->keys };
	if (r < 0)
		return r;
	x->name = strdup(u->list[0].text);
	if (!x->name)
		return fail_errno(f, ENOMEM, text, "cannot fetch it");
	x->image.path = x->name;
	snprintf(x->image.payload.name, sizeof(x->image.payload.name), "%s", x->name);
	r = wish->manifest ? read_given(x, wish->manifest, f) : fetch_manifest(x, u, why, f);
	if (r == 0)
		r = x->image.has_manifest ? start(x, u, f) : open_whole(x, u, why, f);
	if (r < 0)
		image_fetch_close(x);
	return r;
}

void image_fetch_close(struct image_fetch *x)
{
	if (x->arrival)
		arrival_cancel(x->arrival);
	if (x->receiver)
		pthread_join(x->waiter, NULL);
	image_close(&x->image);
	arrival_free(x->arrival);
	free(x->name);
	*x = (struct image_fetch){ 0 };
}
