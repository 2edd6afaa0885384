/* What all kinds of image share: which kind it is, texts and layers held against their digests. */
#include "source/image_layers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/decompress.h"
#include "source/image_kinds.h"
#include "base/json_read.h"
#include "base/read_range.h"
#include "base/util.h"

static const char todo_save[] = "Save or copy the image again.";

int image_fail(const struct blobs *b, const char *why, struct fail *f)
{
	return fail_set(f, EBADMSG, b->path,
			"Give what `docker save` or `skopeo copy` wrote for an image.", "%s", why);
}

/* ---- digests ---- */

static int fail_digest(const struct blobs *b, const char *what, const struct blob_digest *is,
		       const struct blob_digest *said, struct fail *f)
{
	char a[BLOB_DIGEST_TEXT_MAX], c[BLOB_DIGEST_TEXT_MAX];

	return fail_set(f, EBADMSG, b->path, todo_save, "%s is damaged: its digest is %s, not %s",
			what, blob_digest_format(a, is), blob_digest_format(c, said));
}

static int add_to_hash(const void *data, size_t size, void *arg, struct fail *f)
{
	(void)f;
	blob_hash_add(arg, data, size);
	return 0;
}

static int take_hash(void *hash, const void *data, size_t size)
{
	blob_hash_add(hash, data, size);
	return 0;
}

/* Part of a file, as it lies there. */
static int hash_file(int fd, uint64_t at, uint64_t size, const char *name, struct blob_hash *h,
		     struct fail *f)
{
	int r = read_range(fd, at, at + size, take_hash, h);

	return r < 0 ? fail_errno(f, r, name, "cannot read it") : 0;
}

/* The digest of a part of a file, or of what it is without its compression, compared with the one that is said. */
static int compare_digest(const struct blobs *b, int fd, uint64_t at, uint64_t size,
			  bool compressed, const char *what, const struct blob_digest *said,
			  struct fail *f)
{
	struct blob_digest is;
	struct blob_hash hash;
	int r;

	blob_hash_begin(&hash, said);
	r = compressed ? decompress_file(fd, at, size, b->path, add_to_hash, &hash, f)
		       : hash_file(fd, at, size, b->path, &hash, f);
	if (r < 0)
		return r;
	is = blob_hash_end(&hash);
	return blob_digest_is_same(&is, said) ? 0 : fail_digest(b, what, &is, said, f);
}

static int compare_size(const struct blobs *b, const char *what, uint64_t is, uint64_t said,
			struct fail *f)
{
	return said == UINT64_MAX || is == said
		       ? 0
		       : fail_set(f, EBADMSG, b->path, todo_save,
				  "%s is damaged: it has %llu bytes, not %llu", what,
				  (unsigned long long)is, (unsigned long long)said);
}

/* ---- texts ---- */

char *image_read_text(const struct blobs *b, const char *name, const char *what, uint64_t size,
		      const struct blob_digest *digest, struct fail *f)
{
	char full[BLOB_NAME_MAX + 64], *text;
	_cleanup_close_ int fd = -1;
	uint64_t at, is;

	snprintf(full, sizeof(full), "%s (%s)", what, name);
	if (blobs_find(b, name, &fd, &at, &is, f) < 0 || compare_size(b, full, is, size, f) < 0)
		return NULL;
	text = blobs_read(b, name, f);
	if (text && digest->size > 0 && compare_digest(b, fd, at, is, false, full, digest, f) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

uint64_t image_size_read(const char *object)
{
	double size;

	return json_number(json_member(object, "size"), &size) && size >= 0 ? (uint64_t)size
									    : UINT64_MAX;
}

static void read_word(const char *object, const char *key, char *ret, size_t room)
{
	if (!json_string(json_member(object, key), ret, room))
		*ret = '\0';
}

void image_platform_read(const char *object, struct image_platform *ret)
{
	read_word(object, "os", ret->os, sizeof(ret->os));
	read_word(object, "architecture", ret->architecture, sizeof(ret->architecture));
	read_word(object, "variant", ret->variant, sizeof(ret->variant));
}

int image_read_config(const struct blobs *b, const char *config, struct image_layers *l,
		      struct fail *f)
{
	const char *ids = json_member(json_member(config, "rootfs"), "diff_ids");
	char text[BLOB_DIGEST_TEXT_MAX];
	size_t n = 0;

	for (const char *id = json_item(ids, 0); id; id = json_next(id), n++)
		if (!json_string(id, text, sizeof(text)) ||
		    (n < l->n && blob_digest_parse(text, &l->layers[n].diff_id) < 0))
			return image_fail(b, "its configuration has an invalid digest", f);
	return !ids || l->n == 0 || n == l->n
		       ? 0
		       : image_fail(b,
				    "its configuration and its manifest disagree: they have "
				    "different numbers of layers",
				    f);
}

/* ---- layers ---- */

int image_layers_add(const struct blobs *b, struct image_layers *l, const char *name,
		     struct image_layer **ret, struct fail *f)
{
	struct image_layer *layers;
	char *copy;

	if (l->n == LAYERS_MAX)
		return image_fail(b, "it has too many layers", f);
	layers = array_one_more(l->layers, l->n, sizeof(*layers));
	if (layers)
		l->layers = layers;
	copy = layers ? strdup(name) : NULL;
	if (!copy)
		return fail_errno(f, ENOMEM, b->path, "cannot read it");
	*ret = &layers[l->n++];
	**ret = (struct image_layer){ .name = copy, .size = UINT64_MAX };
	return 0;
}

static const struct image_kind *find_kind(const struct blobs *b)
{
	if (blobs_has(b, "index.json") && blobs_has(b, "oci-layout"))
		return &image_kind_oci;
	if (blobs_has(b, "manifest.json")) {
		struct fail f;
		_cleanup_free_ char *text = blobs_read(b, "manifest.json", &f);

		return json_member(text, "layers") || json_member(text, "manifests")
			       ? &image_kind_directory
			       : &image_kind_docker;
	}
	return blobs_has(b, "repositories") ? &image_kind_old_docker : &image_kind_oci;
}

int image_layers_read(const struct blobs *b, const struct image_choice *choice,
		      struct image_layers *ret, struct fail *f)
{
	const struct image_kind *kind = find_kind(b);
	const struct image_entry *entry;
	struct image_list list = { 0 };
	int r = kind->list(b, &list, f);

	*ret = (struct image_layers){ 0 };
	if (r == 0)
		r = image_list_choose(&list, choice, b->path, &entry, f);
	if (r == 0)
		r = kind->read(b, entry, ret, f);
	if (r == 0 && ret->n == 0)
		r = image_fail(b, "its manifest names no layers", f);
	if (r < 0)
		image_layers_free(ret);
	image_list_free(&list);
	return r;
}

/* Is it a tar without compression? One that is shorter than a header is none. */
static bool is_plain_tar(int fd, uint64_t at, uint64_t size)
{
	char head[512];
	static const char zeros[sizeof(head)];

	if (size < sizeof(head) || pread(fd, head, sizeof(head), (off_t)at) != sizeof(head))
		return false;
	return memcmp(head + 257, "ustar", 5) == 0 || memcmp(head, zeros, sizeof(head)) == 0;
}

/* what: "layer 2 of 3 (NAME)" */
static int check_layer(const struct blobs *b, const struct image_layer *l, const char *what,
		       struct fail *f)
{
	_cleanup_close_ int fd = -1;
	uint64_t at, size;
	bool plain;
	int r = blobs_find(b, l->name, &fd, &at, &size, f);

	if (r == 0)
		r = compare_size(b, what, size, l->size, f);
	if (r == 0 && l->digest.size > 0)
		r = compare_digest(b, fd, at, size, false, what, &l->digest, f);
	if (r < 0 || l->diff_id.size == 0 || blob_digest_is_same(&l->digest, &l->diff_id))
		return r;
	plain = is_plain_tar(fd, at, size);
	if (plain && l->digest.size > 0 && l->digest.size == l->diff_id.size)
		return fail_digest(b, what, &l->digest, &l->diff_id, f);
	return l->digest.size > 0 && !plain
		       ? 0
		       : compare_digest(b, fd, at, size, !plain, what, &l->diff_id, f);
}

int image_layers_check(const struct blobs *b, const struct image_layers *l, struct fail *f)
{
	char what[BLOB_NAME_MAX + 64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		snprintf(what, sizeof(what), "layer %zu of %zu (%s)", i + 1, l->n,
			 l->layers[i].name);
		r = check_layer(b, &l->layers[i], what, f);
	}
	return r;
}

void image_layers_free(struct image_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->layers[i].name);
	free(l->layers);
	*l = (struct image_layers){ 0 };
}
