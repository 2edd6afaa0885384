/* The payload and its manifest; see root.h. */
#include "root/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/console.h"
#include "base/read_all.h"
#include "image/pinned.h"
#include "root/initramfs.h"
#include "root/root_signed.h"
#include "root/root_url.h"

#define MANIFEST_PATH "/" MANIFEST_MEMBER

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
	return 0;
}

static int fail_short_payload(struct boot *b, uint64_t present, uint64_t expected)
{
	char have[SIZE_TEXT_MAX], want[SIZE_TEXT_MAX];

	if (initramfs_is_full() || present < b->payload.size)
		return initramfs_fail_no_room(b->payload.name, present, expected, &b->fail);
	return fail_set(&b->fail, EBADMSG, b->payload.name,
			"Copy the image again; `tarboot verify` on the server tells whether it is "
			"whole there.",
			"it is cut short: %s of %s are here", size_format(have, present),
			size_format(want, expected));
}

/* The payload that is named, by the parameter or the manifest; "" = none is. */
static void named_payload(const struct boot *b, char ret[sizeof(b->params.rootfs)])
{
	*ret = '\0';
	if (*b->params.rootfs)
		strcpy(ret, b->params.rootfs);
	else if (b->has_manifest)
		snprintf(ret, sizeof(b->params.rootfs), "/%s", manifest_payload(&b->manifest));
}

static int fail_no_payload(struct boot *b, const char *named)
{
	return fail_set(&b->fail, ENOENT, *named ? named : "/" MANIFEST_PAYLOAD,
			"Pack the image again, have the boot loader load it as a second initrd, "
			"or name it with tarboot.rootfs=PATH.",
			initramfs_is_full()
				? "it is not in the initramfs, which is full: this machine has too "
				  "little memory for the image"
			: *named ? "it is not in the initramfs"
				 : "it is not in the initramfs, and neither is /rootfs.tar.zst or "
				   "/rootfs.tar");
}

static int open_path(struct boot *b, const char *path)
{
	snprintf(b->payload_path, sizeof(b->payload_path), "%s", path);
	return payload_open(AT_FDCWD, b->payload_path, true, &b->payload, &b->fail);
}

static int open_payload(struct boot *b)
{
	static const char *const usual[] = MANIFEST_USUAL_PAYLOADS;
	char named[sizeof(b->params.rootfs)], path[64];
	int r = -ENOENT;

	named_payload(b, named);
	if (*named)
		r = open_path(b, named);
	for (size_t i = 0; r == -ENOENT && !*b->params.rootfs && i < ARRAY_SIZE(usual); i++) {
		snprintf(path, sizeof(path), "/%s", usual[i]);
		r = open_path(b, path);
	}
	if (r == 0 && b->has_manifest && !manifest_is_about(&b->manifest, b->payload_path))
		forget_manifest(b);
	return r == -ENOENT ? fail_no_payload(b, named) : r;
}

/* A payload of another size than the manifest says is whole, and then another one that somebody put there,
 * or it is the manifest's and cut: only its end can tell. */
static int list_blocks(struct boot *b)
{
	uint64_t present = initramfs_present(&b->payload), size = b->payload.size;
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

static int fail_not_pinned(struct boot *b)
{
	return fail_set(&b->fail, EKEYREJECTED, b->payload.name,
			"Pack it again with this version of tarboot.",
			"its manifest has no digests, and the boot part has keys, so it takes no "
			"payload without");
}

/* No byte of a Block reaches a decoder before its digest is right. */
static int hold_to_manifest(struct boot *b)
{
	int r;

	if (!b->has_manifest || !pinned_is_possible(&b->manifest))
		return b->has_keys ? fail_not_pinned(b) : 0;
	r = pinned_hold(&b->manifest, &b->payload, &b->blocks, &b->held, &b->fail);
	b->payload.arrival = b->held;
	return r;
}

static void warn_unchecked(const struct boot *b)
{
	const struct block_list *l = &b->blocks;

	if (l->unchecked && l->unchecked == l->n)
		console_log(LOG_WARNING, "%s has no integrity check: damage may go unnoticed",
			    b->payload.name);
	else if (l->unchecked)
		console_log(
			LOG_WARNING,
			"%s has no integrity check in %llu of %zu Blocks: damage may go unnoticed",
			b->payload.name, (unsigned long long)l->unchecked, l->n);
}

/* Unless the boot part's manifest is about it. */
static int take_signed(struct boot *b)
{
	struct manifest m;
	int r;

	if (b->has_manifest && b->manifest.payload_bytes == b->payload.size)
		return 0;
	r = root_signed_read(b, b->payload_path, b->payload.size, &m);
	if (r < 0)
		return r;
	r = root_signed_check_root(b, &m);
	if (r < 0) {
		manifest_free(&m);
		return r;
	}
	manifest_free(&b->manifest);
	b->manifest = m;
	b->has_manifest = true;
	return 0;
}

static int find_in_image(struct boot *b)
{
	char size[SIZE_TEXT_MAX];
	int r = open_payload(b);

	if (r == 0 && b->has_keys)
		r = take_signed(b);
	if (r == 0)
		r = list_blocks(b);
	if (r == 0)
		r = hold_to_manifest(b);
	snprintf(b->detail, sizeof(b->detail), "%s of %.100s", size_format(size, b->payload.size),
		 b->payload.name);
	return r;
}

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

/* Of what is in the image, pages go behind the decoders; of what is still to arrive, nothing is here yet. */
static void decide_given_back(struct boot *b)
{
	if (b->fetch.arrives)
		return;
	if (can_give_back(b))
		b->need.given_back = b->payload.size;
	else
		b->keep_payload = true;
}

static int fail_may_not(struct boot *b)
{
	return fail_set(&b->fail, EPERM, "kernel parameter tarboot.verify=no",
			"Leave it out of the boot menu.",
			"the boot part has keys, so it takes a root only with a signed manifest");
}

int root_find_payload(struct boot *b)
{
	int r = read_manifest(b);

	if (r == 0)
		r = root_signed_look(b);
	if (r == 0 && b->has_keys && !b->params.verify)
		r = fail_may_not(b);
	if (r == 0)
		r = url_is_one(b->params.rootfs) ? root_url_find(b) : find_in_image(b);
	if (r == 0 && !b->held && !(b->fetch.arrives && b->has_manifest))
		warn_unchecked(b);
	rootsize_need(b->has_manifest ? &b->manifest : NULL, b->blocks.least,
		      b->blocks.uncompressed, (uint64_t)sysconf(_SC_PAGESIZE), &b->need);
	if (r == 0)
		decide_given_back(b);
	return r;
}
