#include "site/site_trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/print.h"
#include "base/read_all.h"
#include "image/image.h"
#include "site/site_file.h"

/* ---- whom they trust ---- */

static int add(struct site_trust *t, const char *name, const struct signature_trust *keys,
	       struct fail *f)
{
	struct trusting *images = array_one_more(t->images, t->n, sizeof(*images));

	if (!images)
		return fail_errno(f, ENOMEM, name, "cannot note its keys");
	t->images = images;
	images[t->n] = (struct trusting){ .keys = *keys };
	strcpy(images[t->n++].name, name);
	return 0;
}

static int read_keys(const struct site *s, const char *name, const struct site_version *v,
		     struct signature_trust *ret, struct fail *f)
{
	struct image boot_part;
	char path[PATH_MAX];
	int r;

	*ret = (struct signature_trust){ 0 };
	if (!v->has_keys)
		return 0;
	site_path(s, path, SITE_IMAGES "%s/%s/%s", name, v->version,
		  *v->payload || v->split ? "boot.img" : "initrd.img");
	r = image_open_members(path, &boot_part, f);
	if (r < 0)
		return r;
	r = boot_keys_of_image(&boot_part, ret, f);
	boot_keys_apply_line(ret, v->append);
	image_close(&boot_part);
	return r;
}

static const struct site_draft *find_draft(const struct site_plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_drafts; i++)
		if (strcmp(p->drafts[i].p.name, name) == 0)
			return &p->drafts[i];
	return NULL;
}

static bool is_named(const char *name, const char *image)
{
	return name && strcmp(name, image) == 0;
}

/* The published version that machines will boot. NULL: none, but a draft or nothing. */
static const struct site_version *find_version(const struct site_image *image,
					       const struct site_plan *p)
{
	const struct site_draft *d = find_draft(p, image->name);

	if (is_named(p->remove, image->name))
		return NULL;
	if (is_named(p->roll_back, image->name))
		return d && d->is_new ? &image->current : &image->previous;
	return d ? NULL : &image->current;
}

static int read_published(const struct site *s, const struct site_plan *p, struct site_trust *ret,
			  struct fail *f)
{
	struct site_image *images = NULL;
	struct signature_trust keys;
	size_t n = 0;
	int r = site_images(s, &images, &n, f);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct site_version *v = find_version(&images[i], p);

		if (!v || (!v->has_keys && !v->is_signed))
			continue;
		r = read_keys(s, images[i].name, v, &keys, f);
		if (r == 0)
			r = add(ret, images[i].name, &keys, f);
	}
	free(images);
	return r;
}

int site_trust_read(const struct site *s, const struct site_plan *p, struct site_trust *ret,
		    struct fail *f)
{
	int r;

	*ret = (struct site_trust){ 0 };
	r = read_published(s, p, ret, f);
	for (size_t i = 0; r == 0 && i < p->n_drafts; i++) {
		const struct site_draft *d = &p->drafts[i];

		if ((d->version.has_keys || d->version.is_signed) &&
		    !is_named(p->roll_back, d->p.name) && !is_named(p->remove, d->p.name))
			r = add(ret, d->p.name, &d->keys, f);
	}
	if (r < 0)
		site_trust_free(ret);
	return r;
}

void site_trust_free(struct site_trust *t)
{
	free(t->images);
	*t = (struct site_trust){ 0 };
}

/* ---- who must take a layer ---- */

/* The image that the machine boots by itself, if it has keys; else NULL. */
static const struct trusting *find_booted(const struct site_trust *t, const struct site *s,
					  const struct site_machine *m)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->images[i].keys.n > 0 &&
		    strcmp(t->images[i].name, *m->boot ? m->boot : s->boot) == 0)
			return &t->images[i];
	return NULL;
}

int site_trust_keys(const struct site_trust *t, const struct site *s, const struct site_machine *m,
		    const struct signature_trust ***ret, size_t *ret_n, struct fail *f)
{
	const struct trusting *booted = find_booted(t, s, m);
	const struct signature_trust **keys = calloc(t->n + 1, sizeof(*keys));
	size_t n = 0;

	if (!keys)
		return fail_errno(f, ENOMEM, m->mac, "cannot note who must trust its layer");
	for (size_t i = 0; !booted && i < t->n; i++)
		if (t->images[i].keys.n > 0)
			keys[n++] = &t->images[i].keys;
	if (booted)
		keys[n++] = &booted->keys;
	*ret = keys;
	*ret_n = n;
	return 0;
}

/* ---- who does not ---- */

/* The layer of a machine, as it is published. */
struct published {
	const struct site_machine *machine;
	char *text, *signature; /* of its manifest; NULL: it is not there */
	size_t size, signature_size;
};

static void read_published_layer(const struct site *s, const struct site_machine *m,
				 struct published *ret)
{
	char path[PATH_MAX];

	*ret = (struct published){ .machine = m };
	if (read_file(site_path(s, path, SITE_LAYERS "/%s.manifest", m->layer.file), &ret->text,
		      &ret->size) < 0)
		ret->text = NULL;
	if (read_file(site_path(s, path, SITE_LAYERS "/%s.manifest" SIGNATURE_SUFFIX,
				m->layer.file),
		      &ret->signature, &ret->signature_size) < 0)
		ret->signature = NULL;
}

static bool takes(const struct signature_trust *k, const struct published *p, struct fail *f)
{
	const struct signed_text t = { p->text, p->size, p->signature, p->signature_size };
	struct signature_about about;

	return signature_check_manifest(p->machine->layer.file, &t, k, &about, f) == 0;
}

/* Does any image accept it? A layer signed for an image that the machine does not boot by default is no mistake. */
static bool is_taken(const struct site_trust *t, const struct published *p)
{
	struct fail unused;

	for (size_t i = 0; i < t->n; i++)
		if (t->images[i].keys.n > 0 && takes(&t->images[i].keys, p, &unused))
			return true;
	return false;
}

/* Is it worth a warning that this image does not take the layer? *f says why it does not. */
static bool is_wrong(const struct site_trust *t, const struct site *s, const struct trusting *image,
		     const struct published *p, struct fail *f)
{
	if (image->keys.n == 0 || !p->text)
		return false;
	if (!p->signature)
		return true;
	return !takes(&image->keys, p, f) &&
	       (find_booted(t, s, p->machine) == image || !is_taken(t, p));
}

static void warn(const struct trusting *image, const struct published *p, const struct fail *f)
{
	if (!p->signature)
		print_warning("the layer of %s has no signature, and the boot part of %s takes "
			      "none without: that machine does not boot it. Give the layer again, "
			      "with --sign KEYFILE.",
			      p->machine->mac, image->name);
	else
		print_warning("the boot part of %s does not take the layer of %s: %s. That machine "
			      "does not boot it: give the layer again, with --sign KEYFILE.",
			      image->name, p->machine->mac, f->why);
}

/* One machine for each image is enough to tell what is to be done. */
void site_trust_warn(const struct site_trust *t, const struct site *s)
{
	bool *is_told = calloc(t->n + 1, sizeof(*is_told));
	struct published p;
	struct fail f;

	for (size_t m = 0; is_told && t->n > 0 && m < s->n_machines; m++) {
		if (!*s->machines[m].layer.file)
			continue;
		read_published_layer(s, &s->machines[m], &p);
		for (size_t i = 0; i < t->n; i++) {
			if (is_told[i] || !is_wrong(t, s, &t->images[i], &p, &f))
				continue;
			warn(&t->images[i], &p, &f);
			is_told[i] = true;
		}
		free(p.text);
		free(p.signature);
	}
	free(is_told);
}
