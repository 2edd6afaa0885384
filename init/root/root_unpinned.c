#include "root/root_unpinned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/console.h"
#include "base/memory.h"
#include "base/read_all.h"
#include "image/pinned.h"
#include "net/network.h"
#include "root/root_fetch.h"

#define RESERVE (64ULL << 20)    /* bytes left free: the kernel panics when a tmpfs takes all */
#define HEAD_BYTES (64ULL << 10) /* the headers of stream and first Block are in it */
#define END_BYTES (256ULL << 10) /* the Index of 30,000 Blocks is in it */

/* ---- the manifest beside the payload ---- */

/* -ENOENT when no server has it. */
static int fetch_manifest(struct boot *b)
{
	_cleanup_free_ struct url *urls = calloc(URLS_MAX, sizeof(*urls));
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t n;
	int r;

	if (!urls)
		return fail_errno(&b->fail, ENOMEM, b->fetch.urls[0].text,
				  "cannot fetch its manifest");
	if (url_list_beside(b->fetch.urls, b->fetch.n_urls, ".manifest", urls, &b->fail) < 0)
		return -ENOENT; /* nobody can ask for it */
	r = root_fetch_file(b, urls, b->fetch.n_urls, MANIFEST_TEXT_MAX, ROOT_FETCH_IF_THERE, &fd);
	if (r < 0 && r != -EFBIG)
		return r;
	if (r == 0)
		r = read_all(fd, &text, &n);
	if (r == 0)
		r = manifest_parse(text, n, &b->manifest);
	b->has_manifest = r == 0 && pinned_is_possible(&b->manifest);
	if (b->has_manifest)
		return 0;
	console_log(LOG_WARNING, "%s is no manifest with Blocks: it is ignored", urls[0].text);
	manifest_free(&b->manifest);
	return -ENOENT;
}

/* ---- head and end ---- */

static int fetch_part(struct boot *b, int fd, uint64_t from, uint64_t to, uint64_t *ret_to,
		      uint64_t *ret_size)
{
	b->fetch.arrival = arrival_new(to, UINT64_MAX, 0);
	if (b->fetch.arrival)
		atomic_store(&b->fetch.arrival->arrived, from);
	return root_fetch_await(b, b->fetch.urls, b->fetch.n_urls, fd, ROOT_FETCH_PART, ret_to,
				ret_size);
}

static bool is_xz(int fd)
{
	uint8_t head[CODEC_HEAD];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	return n > 0 && codec_find(head, (size_t)n) == &codec_xz;
}

/* Into b->blocks, of a file with a hole. What cannot be listed so (several streams) can be when all is here. */
static int list_ends(struct boot *b, int fd, uint64_t end, uint64_t size)
{
	struct payload p = { .hole = HEAD_BYTES, .hole_end = end };
	struct fail unused;
	int r;

	snprintf(p.name, sizeof(p.name), "%s", b->payload.name);
	r = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	if (r == 0)
		r = payload_add(&p, fd, 0, size);
	else
		close(fd);
	if (r == 0)
		r = block_list_read(&p, &b->blocks, &unused);
	payload_close(&p);
	return r < 0 ? -ENOTSUP : 0;
}

/* -ENOTSUP when it cannot be done. */
static int find_by_ends(struct boot *b)
{
	_cleanup_close_ int fd = root_fetch_open_file();
	uint64_t to, size, end;
	int r;

	if (fd < 0)
		return fail_errno(&b->fail, fd, b->fetch.urls[0].text, "cannot keep what arrives");
	r = fetch_part(b, fd, 0, HEAD_BYTES, &to, &size);
	if (r < 0)
		return r;
	if (to < HEAD_BYTES || size <= HEAD_BYTES + END_BYTES || !is_xz(fd))
		return -ENOTSUP;
	end = size - END_BYTES;
	r = fetch_part(b, fd, end, size, &to, &size);
	if (r < 0)
		return r;
	r = to == end + END_BYTES ? list_ends(b, take_fd(&fd), end, to) : -ENOTSUP;
	if (r == 0) {
		b->fetch.arrives = true;
		b->fetch.payload_bytes = to;
	}
	return r;
}

/* ---- all of it ---- */

static int fetch_all(struct boot *b)
{
	_cleanup_close_ int fd = root_fetch_open_file();
	struct memory m = { 0 };
	char text[SIZE_TEXT_MAX];
	uint64_t to, size;
	int r;

	if (memory_read(&m) == 0)
		m.available -= min_u64(m.available, RESERVE);
	if (fd < 0)
		return fail_errno(&b->fail, fd, b->fetch.urls[0].text, "cannot keep what arrives");
	console_log(LOG_NOTICE,
		    "all of %s is fetched before it is unpacked, since nothing tells where "
		    "its Blocks are",
		    b->fetch.urls[0].text);
	b->fetch.arrival = arrival_new(m.available, UINT64_MAX, 0);
	r = root_fetch_await(b, b->fetch.urls, b->fetch.n_urls, fd, ROOT_FETCH_WHOLE, &to, &size);
	if (r == -EFBIG)
		return fail_set(
			&b->fail, ENOSPC, b->fetch.urls[0].text,
			"Add memory, or publish it with `tarboot netboot --stream`: then only a "
			"part of it is in memory at any time.",
			"it is larger than the memory that is free, %s",
			size_format(text, m.available));
	if (r < 0)
		return r;
	r = payload_add(&b->payload, take_fd(&fd), 0, to);
	return r < 0 ? fail_errno(&b->fail, r, b->fetch.urls[0].text, "cannot keep it")
		     : block_list_read(&b->payload, &b->blocks, &b->fail);
}

int root_unpinned_find(struct boot *b)
{
	int r;

	console_log(LOG_WARNING,
		    "tarboot.verify=no: whoever can write to the network decides what "
		    "this machine boots from %s",
		    b->fetch.urls[0].text);
	manifest_free(&b->manifest);
	b->has_manifest = false;
	r = network_wait(b);
	if (r < 0)
		return r;
	root_fetch_order(b, b->fetch.urls, b->fetch.n_urls);
	r = fetch_manifest(b);
	if (r == -ENOENT)
		r = find_by_ends(b);
	return r == -ENOTSUP ? fetch_all(b) : r;
}
