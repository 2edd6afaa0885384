/*
 * What `docker save` writes. From version 1.10 on, manifest.json has the images with their configurations and layers; before
 * that, repositories has names of the topmost layer, and each layer tells which one is below it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/image_kinds.h"
#include "base/json_read.h"
#include "base/util.h"

#define DIGITS 64 /* of SHA-256 */
#define NAME_MAX_BYTES 256

static int add_image(const struct blobs *b, struct image_list *l, const char *id, const char *name,
		     const struct image_platform *p, struct fail *f)
{
	int r = image_list_add(l, id, UINT64_MAX, name, p);

	return r < 0 ? fail_errno(f, r, b->path, "cannot hold its images") : 0;
}

/* ---- manifest.json ---- */

/* The digest that the name of a configuration or of a blob is made of, if it is: "DIGITS.json", "sha256:DIGITS",
 * "blobs/sha256/DIGITS". */
static struct blob_digest digest_of_name(const char *name)
{
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	struct blob_digest digest = { 0 };
	char text[8 + DIGITS];

	if (strncmp(base, "sha256:", 7) == 0)
		base += 7;
	if (strlen(base) == DIGITS || strcmp(base + min_u64(DIGITS, strlen(base)), ".json") == 0) {
		snprintf(text, sizeof(text), "sha256:%.*s", DIGITS, base);
		if (blob_digest_parse(text, &digest) < 0)
			digest.size = 0;
	}
	return digest;
}

static char *read_config(const struct blobs *b, const char *name, struct fail *f)
{
	struct blob_digest digest = digest_of_name(name);

	return image_read_text(b, name, "its configuration", UINT64_MAX, &digest, f);
}

/* Its configuration's name is its id, since no two images have the same. */
static bool read_id(const char *item, char ret[BLOB_NAME_MAX])
{
	return json_string(json_member(item, "Config"), ret, BLOB_NAME_MAX);
}

static int list_item(const struct blobs *b, const char *item, struct image_list *ret,
		     struct fail *f)
{
	const char *tag = json_item(json_member(item, "RepoTags"), 0);
	char id[BLOB_NAME_MAX], name[NAME_MAX_BYTES];
	struct image_platform platform = { 0 };
	_cleanup_free_ char *config = NULL;
	struct fail ignored;
	int r;

	if (!read_id(item, id))
		return image_fail(b, "its manifest.json names no configuration", f);
	config = read_config(b, id, &ignored);
	if (config)
		image_platform_read(config, &platform);
	r = add_image(b, ret, id, NULL, &platform, f);
	for (; r == 0 && tag; tag = json_next(tag))
		if (json_string(tag, name, sizeof(name)))
			r = add_image(b, ret, id, name, &platform, f);
	return r;
}

static int docker_list(const struct blobs *b, struct image_list *ret, struct fail *f)
{
	_cleanup_free_ char *text = blobs_read(b, "manifest.json", f);
	const char *item = json_item(text, 0);
	int r = text ? 0 : -f->error;

	if (text && !item)
		return image_fail(b, "its manifest.json names no images", f);
	for (; r == 0 && item; item = json_next(item))
		r = list_item(b, item, ret, f);
	return r;
}

static int read_layers(const struct blobs *b, const char *item, struct image_layers *ret,
		       struct fail *f)
{
	const char *layer = json_item(json_member(item, "Layers"), 0);
	struct image_layer *added;
	char name[BLOB_NAME_MAX];
	int r = 0;

	for (; r == 0 && layer; layer = json_next(layer)) {
		if (!json_string(layer, name, sizeof(name)))
			return image_fail(b, "its manifest.json names no layers", f);
		r = image_layers_add(b, ret, name, &added, f);
		if (r == 0 && strncmp(name, "blobs/", 6) == 0)
			added->digest = digest_of_name(name);
	}
	return r;
}

static int docker_read(const struct blobs *b, const struct image_entry *e, struct image_layers *ret,
		       struct fail *f)
{
	_cleanup_free_ char *text = blobs_read(b, "manifest.json", f), *config = NULL;
	const char *item = json_item(text, 0);
	char id[BLOB_NAME_MAX];
	int r;

	while (item && !(read_id(item, id) && strcmp(id, e->id) == 0))
		item = json_next(item);
	if (!item)
		return text ? image_fail(b, "its manifest.json names no images", f) : -f->error;
	r = read_layers(b, item, ret, f);
	if (r < 0)
		return r;
	config = read_config(b, e->id, f);
	return config ? image_read_config(b, config, ret, f) : -f->error;
}

const struct image_kind image_kind_docker = { docker_list, docker_read };

/* ---- repositories ---- */

/* The text of the layer's own file. */
static char *read_old_layer(const struct blobs *b, const char *id, struct fail *f)
{
	char name[BLOB_NAME_MAX];

	snprintf(name, sizeof(name), "%.200s/json", id);
	return blobs_read(b, name, f);
}

/* tags: an object with the topmost layer of each. */
static int list_tags(const struct blobs *b, const char *repository, const char *tags,
		     struct image_list *ret, struct fail *f)
{
	char tag[NAME_MAX_BYTES], id[NAME_MAX_BYTES], name[2 * NAME_MAX_BYTES];
	struct image_platform platform = { 0 };
	const char *value;
	struct fail ignored;
	int r = 0;

	for (size_t i = 0; r == 0 && json_entry(tags, i, tag, sizeof(tag), &value); i++) {
		_cleanup_free_ char *text = NULL;

		if (!json_string(value, id, sizeof(id)))
			return image_fail(b, "its file repositories names no layers", f);
		snprintf(name, sizeof(name), "%s:%s", repository, tag);
		text = read_old_layer(b, id, &ignored);
		image_platform_read(text, &platform);
		r = add_image(b, ret, id, name, &platform, f);
	}
	return r;
}

static int old_docker_list(const struct blobs *b, struct image_list *ret, struct fail *f)
{
	_cleanup_free_ char *text = blobs_read(b, "repositories", f);
	char repository[NAME_MAX_BYTES];
	const char *tags;
	int r = text ? 0 : -f->error;

	for (size_t i = 0; r == 0 && json_entry(text, i, repository, sizeof(repository), &tags);
	     i++)
		r = list_tags(b, repository, tags, ret, f);
	return r;
}

/* From the topmost down. */
static int read_chain(const struct blobs *b, char id[NAME_MAX_BYTES], struct image_layers *ret,
		      struct fail *f)
{
	char name[BLOB_NAME_MAX + 16];
	struct image_layer *added;
	int r = 0;

	for (bool more = true; r == 0 && more;) {
		_cleanup_free_ char *text = read_old_layer(b, id, f);

		if (!text)
			return -f->error;
		snprintf(name, sizeof(name), "%.200s/layer.tar", id);
		r = image_layers_add(b, ret, name, &added, f);
		more = json_string(json_member(text, "parent"), id, NAME_MAX_BYTES) && *id;
	}
	return r;
}

static int old_docker_read(const struct blobs *b, const struct image_entry *e,
			   struct image_layers *ret, struct fail *f)
{
	char id[NAME_MAX_BYTES];
	int r;

	snprintf(id, sizeof(id), "%s", e->id);
	r = read_chain(b, id, ret, f);
	for (size_t i = 0; r == 0 && i < ret->n / 2; i++) {
		struct image_layer swap = ret->layers[i];

		ret->layers[i] = ret->layers[ret->n - 1 - i];
		ret->layers[ret->n - 1 - i] = swap;
	}
	return r;
}

const struct image_kind image_kind_old_docker = { old_docker_list, old_docker_read };
