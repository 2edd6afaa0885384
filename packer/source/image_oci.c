/* OCI images: an index leads to manifests, or to further indexes; a manifest to a configuration and to layers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/image_kinds.h"
#include "base/json_read.h"
#include "base/util.h"

#define NESTED_MAX 4 /* an index of indexes */
#define TEXT_MAX 256

/* What a manifest or an index says of one of its parts. */
struct descriptor {
	char digest_text[BLOB_DIGEST_TEXT_MAX], type[TEXT_MAX];
	char blob[BLOB_NAME_MAX];
	struct blob_digest digest;
	uint64_t size;
};

/* "sha256:abc" is blobs/sha256/abc, and abc in a directory of skopeo's. */
static int read_descriptor(const struct blobs *b, const char *object, struct descriptor *ret,
			   struct fail *f)
{
	char *colon;
	int r;

	if (!json_string(json_member(object, "digest"), ret->digest_text, sizeof(ret->digest_text)))
		return image_fail(b, "its manifest or its index has an entry without a digest", f);
	r = blob_digest_parse(ret->digest_text, &ret->digest);
	if (r < 0)
		return fail_set(f, EBADMSG, b->path, "Copy it with `skopeo copy`.",
				"%s in its manifest or its index is %s", ret->digest_text,
				r == -ENOTSUP ? "a digest of an unknown type" : "not a digest");
	snprintf(ret->blob, sizeof(ret->blob), "blobs/%s", ret->digest_text);
	colon = strchr(ret->blob, ':');
	*colon = '/';
	if (!blobs_has(b, ret->blob) && blobs_has(b, colon + 1))
		memmove(ret->blob, colon + 1, strlen(colon));
	ret->size = image_size_read(object);
	if (!json_string(json_member(object, "mediaType"), ret->type, sizeof(ret->type)))
		*ret->type = '\0';
	return 0;
}

static char *read_part(const struct blobs *b, const struct descriptor *d, const char *what,
		       struct fail *f)
{
	return image_read_text(b, d->blob, what, d->size, &d->digest, f);
}

/* ---- the index ---- */

/* Signatures, attestations and what else is kept beside images. */
static bool is_attachment(const char *descriptor)
{
	char text[TEXT_MAX];

	if (json_member(descriptor, "artifactType") ||
	    json_member(json_member(descriptor, "annotations"), "vnd.docker.reference.type"))
		return true;
	return json_string(json_member(json_member(descriptor, "platform"), "architecture"), text,
			   sizeof(text)) &&
	       strcmp(text, "unknown") == 0;
}

/* What the index calls it; "" = nothing. */
static void read_name(const char *descriptor, char ret[TEXT_MAX])
{
	const char *annotations = json_member(descriptor, "annotations");

	if (!json_string(json_member(annotations, "io.containerd.image.name"), ret, TEXT_MAX) &&
	    !json_string(json_member(annotations, "org.opencontainers.image.ref.name"), ret,
			 TEXT_MAX))
		*ret = '\0';
}

/* An image whose index does not say what it is for: its configuration does. */
static void read_platform(const struct blobs *b, const char *manifest, struct image_platform *ret)
{
	_cleanup_free_ char *config = NULL;
	struct descriptor d;
	struct fail f;

	if (read_descriptor(b, json_member(manifest, "config"), &d, &f) < 0)
		return;
	config = read_part(b, &d, "its configuration", &f);
	if (config)
		image_platform_read(config, ret);
}

static int list_index(const struct blobs *b, const char *index, unsigned depth, const char *name,
		      struct image_list *ret, struct fail *f);

/* Is it the media type of a root's layer? Compression is found by its first bytes. */
static bool is_layer(const char *type)
{
	return !*type || strstr(type, ".image.layer.") || strstr(type, ".image.rootfs.");
}

/* A signature of cosign's and the like is a manifest as that of an image, but for its layers. */
static bool has_other_layers(const char *manifest)
{
	const char *item = json_item(json_member(manifest, "layers"), 0);
	char type[TEXT_MAX];

	return json_string(json_member(item, "mediaType"), type, sizeof(type)) && !is_layer(type);
}

/* Others may be lists themselves. */
static bool is_manifest(const char *type)
{
	return ends_with(type, "manifest.v1+json") || /* OCI */
	       ends_with(type, "manifest.v2+json");   /* Docker */
}

/* An archive may have the list of all platforms of an image, but only one of them, as containerd saves it. */
static bool is_other_platform(const struct blobs *b, const struct descriptor *d, unsigned depth,
			      const struct image_platform *p)
{
	return depth > 0 && *p->architecture && is_manifest(d->type) && !blobs_has(b, d->blob);
}

static int list_item(const struct blobs *b, const char *item, unsigned depth, const char *name,
		     struct image_list *ret, struct fail *f)
{
	struct image_platform platform = { 0 };
	_cleanup_free_ char *text = NULL;
	char own_name[TEXT_MAX];
	struct descriptor d;
	int r = read_descriptor(b, item, &d, f);

	if (r < 0)
		return r;
	read_name(item, own_name);
	if (*own_name)
		name = own_name;
	image_platform_read(json_member(item, "platform"), &platform);
	if (is_other_platform(b, &d, depth, &platform))
		return 0;
	if (!*platform.architecture || !is_manifest(d.type)) {
		text = read_part(b, &d, "its manifest", f);
		if (!text)
			return -f->error;
		if (json_member(text, "manifests"))
			return list_index(b, text, depth + 1, name, ret, f);
		if (!*platform.architecture)
			read_platform(b, text, &platform);
	}
	r = image_list_add(ret, d.digest_text, d.size, name, &platform);
	if (text && has_other_layers(text))
		image_list_note_other(ret, d.digest_text);
	return r < 0 ? fail_errno(f, r, b->path, "cannot hold its images") : 0;
}

static int list_index(const struct blobs *b, const char *index, unsigned depth, const char *name,
		      struct image_list *ret, struct fail *f)
{
	const char *item = json_item(json_member(index, "manifests"), 0);
	int r = 0;

	if (depth == NESTED_MAX)
		return image_fail(b, "its index is nested too deeply", f);
	for (; r == 0 && item; item = json_next(item))
		if (!is_attachment(item))
			r = list_item(b, item, depth, name, ret, f);
	return r;
}

static int oci_list(const struct blobs *b, struct image_list *ret, struct fail *f)
{
	_cleanup_free_ char *index = blobs_read(b, "index.json", f);

	return index ? list_index(b, index, 0, NULL, ret, f) : -f->error;
}

/* ---- the manifest ---- */

static int read_layer(const struct blobs *b, const char *item, struct image_layers *ret,
		      struct fail *f)
{
	struct image_layer *layer;
	struct descriptor d;
	int r = read_descriptor(b, item, &d, f);

	if (r < 0)
		return r;
	if (ends_with(d.type, "+encrypted"))
		return fail_set(f, ENOTSUP, b->path,
				"Decrypt it with `skopeo copy --decryption-key`.",
				"its layers are encrypted");
	if (!is_layer(d.type))
		return fail_set(f, ENOTSUP, b->path, "Choose an image with --tag.",
				"it is not a container image: it contains %s", d.type);
	r = image_layers_add(b, ret, d.blob, &layer, f);
	if (r < 0)
		return r;
	layer->digest = d.digest;
	layer->size = d.size;
	return 0;
}

static int read_manifest(const struct blobs *b, const char *text, struct image_layers *ret,
			 struct fail *f)
{
	const char *item = json_item(json_member(text, "layers"), 0);
	const char *config = json_member(text, "config");
	_cleanup_free_ char *config_text = NULL;
	struct descriptor d;
	int r = 0;

	for (; r == 0 && item; item = json_next(item))
		r = read_layer(b, item, ret, f);
	if (r < 0 || !config)
		return r;
	r = read_descriptor(b, config, &d, f);
	if (r < 0)
		return r;
	config_text = read_part(b, &d, "its configuration", f);
	return config_text ? image_read_config(b, config_text, ret, f) : -f->error;
}

static int oci_read(const struct blobs *b, const struct image_entry *e, struct image_layers *ret,
		    struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	char object[BLOB_DIGEST_TEXT_MAX + 16];
	struct descriptor d;
	int r;

	snprintf(object, sizeof(object), "{\"digest\":\"%s\"}", e->id);
	r = read_descriptor(b, object, &d, f);
	if (r < 0)
		return r;
	d.size = e->size;
	text = read_part(b, &d, "its manifest", f);
	return text ? read_manifest(b, text, ret, f) : -f->error;
}

const struct image_kind image_kind_oci = { oci_list, oci_read };

/* ---- a directory of skopeo's ---- */

static int directory_list(const struct blobs *b, struct image_list *ret, struct fail *f)
{
	_cleanup_free_ char *text = blobs_read(b, "manifest.json", f);
	struct image_platform platform = { 0 };
	int r;

	if (!text)
		return -f->error;
	if (json_member(text, "manifests"))
		return fail_set(f, ENOTSUP, b->path,
				"Copy one of them: `skopeo copy` without --all.",
				"it has images for several platforms");
	read_platform(b, text, &platform);
	r = image_list_add(ret, "manifest.json", UINT64_MAX, NULL, &platform);
	return r < 0 ? fail_errno(f, r, b->path, "cannot hold its images") : 0;
}

static int directory_read(const struct blobs *b, const struct image_entry *e,
			  struct image_layers *ret, struct fail *f)
{
	_cleanup_free_ char *text = blobs_read(b, e->id, f);

	return text ? read_manifest(b, text, ret, f) : -f->error;
}

const struct image_kind image_kind_directory = { directory_list, directory_read };
