#include "root/root_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/console.h"
#include "base/read_all.h"
#include "image/layer_rules.h"
#include "image/signature.h"
#include "root/initramfs.h"
#include "root/root_signed.h"

/* ---- adding it ---- */

static int append(struct boot *b, const struct layer *l)
{
	struct layer *layers = array_one_more(b->layers, b->n_layers, sizeof(*layers));

	if (!layers)
		return fail_errno(&b->fail, ENOMEM, l->payload.name, "cannot note this layer");
	b->layers = layers;
	layers[b->n_layers++] = *l;
	return 0;
}

/* Adds its needs to those of the root. */
static void add_need(struct boot *b, const struct layer *l, const struct manifest *m)
{
	struct rootsize_need need;

	rootsize_need(m, l->blocks.least, l->blocks.uncompressed, (uint64_t)sysconf(_SC_PAGESIZE),
		      &need);
	if (l->discard)
		need.given_back = l->payload.size;
	rootsize_add(&b->need, &need);
}

static void warn_unchecked(const struct layer *l, bool is_pinned)
{
	if (l->blocks.unchecked && !is_pinned)
		console_log(LOG_WARNING,
			    "the layer %s has no integrity check: damage may go unnoticed",
			    l->payload.name);
}

int root_layer_add(struct boot *b, struct payload *payload, const struct layer_wish *wish,
		   const struct manifest *m)
{
	char size[SIZE_TEXT_MAX];
	struct layer l = { .payload = *payload, .discard = *wish->from != '/' || !b->keep_payload };
	int r = block_list_read(&l.payload, &l.blocks, &b->fail);

	if (r == 0)
		r = append(b, &l);
	if (r < 0) {
		block_list_free(&l.blocks);
		payload_close(&l.payload);
		return r;
	}
	console_log(LOG_NOTICE, "layer %s, %s", l.payload.name, size_format(size, l.payload.size));
	warn_unchecked(&l, wish->digest || (m && m->has_payload_digest));
	add_need(b, &l, m);
	return 0;
}

/* ---- from the initramfs ---- */

static int read_manifest(struct boot *b, const char *path, uint64_t size, struct manifest *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = read_file(path, &text, &length);

	if (r == -ENOENT)
		return 1;
	if (r == 0)
		r = manifest_parse(text, length, ret);
	if (r < 0)
		return manifest_fail(r, path, &b->fail);
	r = layer_check_size(ret, path, size, &b->fail);
	if (r < 0)
		manifest_free(ret);
	return r;
}

/* 1: it has none, and needs none. */
static int find_manifest(struct boot *b, const char *layer, uint64_t size, struct manifest *ret)
{
	char path[PATH_MAX];
	int r;

	if (b->has_keys) {
		r = root_signed_read(b, layer, size, ret);
		return r == 0 ? layer_check_signed(ret, layer, &b->fail) : r;
	}
	if (snprintf(path, sizeof(path), "%s.manifest", layer) >= PATH_MAX)
		return 1; /* nothing has so long a path */
	return read_manifest(b, path, size, ret);
}

/* If the kernel had no room for all of a manifest or its signature, the failure says that, not that the file is missing or damaged. */
static int find_whole_manifest(struct boot *b, const char *layer, uint64_t size,
			       struct manifest *ret)
{
	static const char *const suffixes[] = { ".manifest", ".manifest" SIGNATURE_SUFFIX };
	char path[PATH_MAX];
	int r = find_manifest(b, layer, size, ret);

	for (size_t i = 0; r < 0 && i < (b->has_keys ? 2 : 1); i++)
		if (snprintf(path, sizeof(path), "%s%s", layer, suffixes[i]) < PATH_MAX &&
		    initramfs_fail_if_cut(path, &b->fail) < 0)
			return -ENOSPC;
	return r;
}

/* What the kernel command line and its manifest say, if they do. */
static int check_digests(struct boot *b, const struct payload *p, const struct layer_wish *wish,
			 const struct manifest *m)
{
	const struct digest *of_manifest = m && m->has_payload_digest ? &m->payload_digest : NULL;

	if (wish->digest && of_manifest && !digest_is_same(wish->digest, of_manifest))
		return layer_fail_digest(&b->fail, p->name, of_manifest, wish->digest);
	if (!wish->digest && !of_manifest)
		return 0;
	return layer_check_digest(p, of_manifest ? of_manifest : wish->digest, &b->fail);
}

static int open_wished(struct boot *b, const struct layer_wish *wish, struct payload *ret)
{
	int r = payload_open(AT_FDCWD, wish->from, true, ret, &b->fail);

	if (r == -ENOENT && wish->may_be_missing)
		return 1;
	if (r == -ENOENT && initramfs_fail_if_cut(wish->from, &b->fail) < 0)
		return -ENOSPC;
	if (r == -ENOENT)
		return fail_set(
			&b->fail, ENOENT, wish->from,
			"Have the boot loader load it as an initrd, or put \"?\" behind its "
			"name if it may be missing.",
			"this layer is not in the initramfs");
	return r;
}

/* The zeros that a cut one has instead of its end could pass for contents, or for the end of a tar. */
static int check_whole(struct boot *b, const struct payload *p)
{
	uint64_t present = initramfs_present(p);

	return present < p->size ? initramfs_fail_no_room(p->name, present, p->size, &b->fail) : 0;
}

/* Nothing tells how many numbered parts a layer has: when it is not what it should be, its last ones may be what the kernel had no room
 * for. */
static int fail_if_parts_may_lack(struct boot *b, const char *layer, int error)
{
	bool is_wrong = error == -EBADMSG || error == -EKEYREJECTED;

	if (is_wrong && access(layer, F_OK) < 0 && initramfs_is_cut())
		return initramfs_fail_cut(&b->fail);
	return error;
}

int root_layer_read(struct boot *b, const struct layer_wish *wish)
{
	struct manifest m = { 0 };
	const struct manifest *found = NULL;
	struct payload p;
	int r = open_wished(b, wish, &p);

	if (r != 0)
		return r;
	r = check_whole(b, &p);
	if (r == 0)
		r = find_whole_manifest(b, wish->from, p.size, &m);
	found = r == 0 ? &m : NULL;
	if (r >= 0)
		r = check_digests(b, &p, wish, found);
	if (r == 0)
		r = root_layer_add(b, &p, wish, found);
	else
		payload_close(&p);
	manifest_free(&m);
	return fail_if_parts_may_lack(b, wish->from, r);
}
