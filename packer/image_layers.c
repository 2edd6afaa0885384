/* JSON of two kinds. */
#include "image_layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "util.h"

#define NAME_SIZE 256
#define NESTED_MAX 4 /* an index of indexes */

#ifdef __aarch64__
#define ARCHITECTURE "arm64"
#else
#define ARCHITECTURE "amd64"
#endif

static int fail_manifest(const struct blobs *b, const char *why, struct fail *f)
{
	return fail_set(f, EBADMSG, b->path,
			"Give what `docker save` or `skopeo copy` wrote for one image.", "%s", why);
}

static int add(const struct blobs *b, struct image_layers *l, const char *name, struct fail *f)
{
	if (l->n == LAYERS_MAX)
		return fail_manifest(b, "it has too many layers", f);
	l->names[l->n] = strdup(name);
	if (!l->names[l->n])
		return fail_errno(f, ENOMEM, b->path, "cannot read it");
	l->n++;
	return 0;
}

static int read_docker(const struct blobs *b, const char *text, struct image_layers *ret,
		       struct fail *f)
{
	const char *layers = json_member(json_item(text, 0), "Layers"), *item;
	char name[NAME_SIZE];
	int r = 0;

	if (json_item(text, 1))
		return fail_manifest(b, "there are several images in it", f);
	for (size_t i = 0; r == 0 && (item = json_item(layers, i)); i++)
		r = json_string(item, name, sizeof(name))
			    ? add(b, ret, name, f)
			    : fail_manifest(b, "its manifest.json names no layers", f);
	return r == 0 && ret->n == 0 ? fail_manifest(b, "its manifest.json names no layers", f) : r;
}

/* "sha256:abc" is blobs/sha256/abc. */
static bool blob_name(const char *descriptor, char name[NAME_SIZE])
{
	char digest[NAME_SIZE - 16], *colon;

	if (!json_string(json_member(descriptor, "digest"), digest, sizeof(digest)))
		return false;
	colon = strchr(digest, ':');
	if (!colon || strchr(digest, '/'))
		return false;
	*colon = '/';
	snprintf(name, NAME_SIZE, "blobs/%s", digest);
	return true;
}

/* True when it is said to be for another machine, or is no image (attestations have "unknown"). */
static bool is_foreign(const char *descriptor)
{
	char architecture[32];
	const char *platform = json_member(descriptor, "platform");

	return json_string(json_member(platform, "architecture"), architecture,
			   sizeof(architecture)) &&
	       strcmp(architecture, ARCHITECTURE) != 0;
}

/* Of an index: the one descriptor that is for this machine. */
static int choose(const struct blobs *b, const char *index, const char **ret, struct fail *f)
{
	const char *manifests = json_member(index, "manifests"), *item;

	*ret = NULL;
	for (size_t i = 0; (item = json_item(manifests, i)); i++) {
		if (is_foreign(item))
			continue;
		if (*ret)
			return fail_manifest(b, "there are several images in it", f);
		*ret = item;
	}
	return *ret ? 0 : fail_manifest(b, "there is no image for " ARCHITECTURE " in it", f);
}

static int read_manifest(const struct blobs *b, const char *text, struct image_layers *ret,
			 struct fail *f)
{
	const char *layers = json_member(text, "layers"), *item;
	char name[NAME_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && (item = json_item(layers, i)); i++)
		r = blob_name(item, name) ? add(b, ret, name, f)
					  : fail_manifest(b, "its manifest names no layers", f);
	return r == 0 && ret->n == 0 ? fail_manifest(b, "its manifest names no layers", f) : r;
}

/* Takes text over. */
static int read_index(const struct blobs *b, char *text, unsigned depth, struct image_layers *ret,
		      struct fail *f)
{
	_cleanup_free_ char *index = text;
	const char *descriptor;
	char name[NAME_SIZE], *next;
	int r;

	if (json_member(index, "layers"))
		return read_manifest(b, index, ret, f);
	if (depth == NESTED_MAX)
		return fail_manifest(b, "its index leads nowhere", f);
	r = choose(b, index, &descriptor, f);
	if (r < 0)
		return r;
	if (!blob_name(descriptor, name))
		return fail_manifest(b, "its index names no manifest", f);
	next = blobs_read(b, name, f);
	return next ? read_index(b, next, depth + 1, ret, f) : -f->error;
}

int image_layers_read(const struct blobs *b, struct image_layers *ret, struct fail *f)
{
	char *text = blobs_read(b, "manifest.json", f);
	int r;

	*ret = (struct image_layers){ 0 };
	if (text) {
		r = read_docker(b, text, ret, f);
		free(text);
	} else {
		text = blobs_read(b, "index.json", f);
		r = text ? read_index(b, text, 0, ret, f) : -f->error;
	}
	if (r < 0)
		image_layers_free(ret);
	return r;
}

void image_layers_free(struct image_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	l->n = 0;
}
