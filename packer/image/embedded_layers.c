#include "image/embedded_layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/print.h"
#include "image/image_unpack.h"
#include "image/layer.h"
#include "image/layer_rules.h"
#include "image/members.h"
#include "image/pinned.h"

/* ---- its manifest ---- */

/* What lies beside a layer, NUL-terminated; *ret is the caller's, NULL: it is not there. */
static int read_beside(const struct image *image, const struct image_member *layer,
		       const char *suffix, uint64_t most, char **ret, size_t *ret_size,
		       struct fail *f)
{
	_cleanup_free_ char *name = NULL, *text = NULL;
	const struct image_member *m;
	int r = asprintf(&name, "%s%s", layer->name, suffix) < 0 ? -ENOMEM : 0;

	m = r == 0 ? image_find_member(image, name) : NULL;
	*ret = NULL;
	if (r == 0 && !m)
		return 0;
	if (r == 0)
		r = m->size > most ? -E2BIG : 0;
	text = r == 0 ? calloc(1, (size_t)m->size + 1) : NULL;
	if (text)
		r = image_read(image, m->offset, text, (size_t)m->size);
	if (r < 0 || !text)
		return fail_errno(f, r < 0 ? r : ENOMEM, layer->name, "cannot read its manifest");
	*ret_size = (size_t)m->size;
	*ret = text;
	text = NULL;
	return 0;
}

/* path: of the manifest. */
static int check_signature(const struct image *image, const struct image_member *layer,
			   const char *path, const char *text, size_t size,
			   const struct signature_trust *trust, struct fail *f)
{
	_cleanup_free_ char *signature = NULL;
	char beside[FAIL_WHAT_MAX];
	struct signed_text t = { .text = text, .size = size };
	struct signature_about about;
	int r;

	if (!text)
		return signature_fail_missing(f, path);
	r = read_beside(image, layer, ".manifest" SIGNATURE_SUFFIX, SIGNATURE_TEXT_MAX, &signature,
			&t.signature_size, f);
	if (r < 0)
		return r;
	snprintf(beside, sizeof(beside), "%.180s" SIGNATURE_SUFFIX, path);
	if (!signature)
		return signature_fail_missing(f, beside);
	t.signature = signature;
	return signature_check_manifest(path, &t, trust, &about, f);
}

/* As init holds the layer of that path against it. path: of the manifest. */
static int check_manifest(const struct payload *p, const char *of, const struct manifest *m,
			  const char *path, bool is_signed, struct fail *f)
{
	int r = layer_check_size(m, path, p->size, f);

	if (r == 0 && is_signed && !pinned_is_possible(m))
		r = fail_set(f, EBADMSG, path, SIGNATURE_TODO, "it lists no Blocks");
	if (r == 0 && is_signed)
		r = layer_check_signed(m, of, f);
	return r == 0 && m->has_payload_digest ? layer_check_digest(p, &m->payload_digest, f) : r;
}

/* of: its path in the initramfs, as long as it is. */
static int check_layer(const struct image *image, const struct image_member *layer, const char *of,
		       const struct signature_trust *trust, const struct payload *p,
		       struct embedded_layer *ret, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	char path[FAIL_WHAT_MAX];
	struct manifest m;
	size_t size = 0;
	int r = read_beside(image, layer, ".manifest", MANIFEST_TEXT_MAX, &text, &size, f);

	snprintf(path, sizeof(path), "%.160s.manifest", of);
	if (r == 0 && trust->n > 0)
		r = check_signature(image, layer, path, text, size, trust, f);
	if (r < 0 || !text)
		return r;
	r = manifest_parse(text, size, &m);
	if (r < 0)
		return manifest_fail(r, path, f);
	r = check_manifest(p, of, &m, path, trust->n > 0, f);
	*ret = (struct embedded_layer){ .has_digest = m.has_payload_digest,
					.is_signed = trust->n > 0,
					.tree = layer_tree_bytes(&m) };
	manifest_free(&m);
	return r;
}

/* ---- all of them ---- */

static int open_one(const struct image *image, const struct image_member *m,
		    const struct signature_trust *trust, struct payload *ret,
		    struct embedded_layer *ret_about, struct fail *f)
{
	_cleanup_free_ char *path = NULL;
	int fd, r;

	*ret = (struct payload){ 0 };
	if (asprintf(&path, "/%s", m->name) < 0) {
		path = NULL;
		return fail_errno(f, ENOMEM, m->name, "cannot open it");
	}
	snprintf(ret->name, sizeof(ret->name), "%.127s", path);
	r = layer_check_kind(path, f);
	if (r == 0 && (!S_ISREG(m->mode) || strchr(image_layer_name(m), '/')))
		r = fail_set(f, EINVAL, ret->name, "Take it out of the initrd.",
			     "it is among the layers, but is no file there");
	if (r < 0)
		return r;
	fd = fcntl(image_descriptor(image), F_DUPFD_CLOEXEC, 0);
	r = fd < 0 ? -errno : payload_add(ret, fd, image->start + m->offset, m->size);
	if (r < 0)
		return fail_errno(f, r, ret->name, "cannot open it");
	return check_layer(image, m, path, trust, ret, ret_about, f);
}

static int compare(const void *a, const void *b)
{
	return strcmp((*(const struct image_member *const *)a)->name,
		      (*(const struct image_member *const *)b)->name);
}

static int open_all(const struct image *image, const struct image_member **members, size_t n,
		    const struct signature_trust *trust, struct embedded_layers *l, struct fail *f)
{
	int r = 0;

	l->payloads = calloc(n + 1, sizeof(*l->payloads));
	l->layers = calloc(n + 1, sizeof(*l->layers));
	l->about = calloc(n + 1, sizeof(*l->about));
	if (!l->payloads || !l->layers || !l->about)
		return fail_errno(f, ENOMEM, image->path, "cannot open its layers");
	for (; r == 0 && l->n < n; l->n++) {
		l->layers[l->n].payload = &l->payloads[l->n];
		r = open_one(image, members[l->n], trust, &l->payloads[l->n], &l->about[l->n], f);
	}
	return r;
}

/* The layers of the image, in order; what a later archive replaces is not among them. NULL: no memory. */
static const struct image_member **list(const struct image *image, size_t *ret_n)
{
	const struct image_member **members = calloc(image->n_members + 1, sizeof(*members));

	*ret_n = 0;
	for (size_t i = 0; members && i < image->n_members; i++) {
		const struct image_member *m = &image->members[i];

		if (image_layer_name(m) && image_find_member(image, m->name) == m)
			members[(*ret_n)++] = m;
	}
	if (members)
		qsort(members, *ret_n, sizeof(*members), compare);
	return members;
}

/* Of what lies beside a layer, without one. */
static int check_alone(const struct image *image, const struct image_member *m, struct fail *f)
{
	_cleanup_free_ char *layer = strndup(m->name, layer_length_beside(m->name));
	char path[FAIL_WHAT_MAX];

	if (strncmp(m->name, MEMBER_LAYERS "/", strlen(MEMBER_LAYERS "/")) != 0 ||
	    !layer_is_beside(m->name) || !layer || image_find_member(image, layer))
		return 0;
	snprintf(path, sizeof(path), "/%s", m->name);
	return layer_fail_alone(path, f);
}

int embedded_layers_open(const struct image *image, const struct signature_trust *trust,
			 struct embedded_layers *ret, struct fail *f)
{
	const struct image_member **members;
	struct signature_trust own;
	size_t n;
	int r;

	*ret = (struct embedded_layers){ 0 };
	for (r = 0, n = 0; r == 0 && n < image->n_members; n++)
		r = check_alone(image, &image->members[n], f);
	if (r < 0 || !image_has_layers(image))
		return r;
	r = trust ? 0 : boot_keys_of_image(image, &own, f);
	if (r < 0)
		return r;
	members = list(image, &n);
	r = members ? open_all(image, members, n, trust ? trust : &own, ret, f)
		    : fail_errno(f, ENOMEM, image->path, "cannot list its layers");
	free(members);
	if (r < 0)
		embedded_layers_close(ret);
	return r;
}

int embedded_layers_verify(const struct embedded_layers *l, unsigned threads, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		struct unpack_options how = { .root_fd = -1, .is_layer = true, .threads = threads };
		struct unpack_result unused;

		r = image_names_new(&how.names, f);
		if (r == 0)
			r = unpack_run(&l->payloads[i], &how, &unused, f);
		root_tree_free(how.names);
	}
	return r;
}

void embedded_layers_print(const struct embedded_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		print_line(stdout, "layer: %s%s", l->payloads[i].name,
			   l->about[i].is_signed    ? ", signed"
			   : l->about[i].has_digest ? ""
						    : ", of which no manifest has a digest");
}

void embedded_layers_close(struct embedded_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		payload_close(&l->payloads[i]);
	free(l->payloads);
	free(l->layers);
	free(l->about);
	*l = (struct embedded_layers){ 0 };
}
