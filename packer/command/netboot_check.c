/* What can be told at once comes first, then what takes minutes. */
#include "command/netboot_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image/image_verify.h"
#include "image/layered_root.h"
#include "site/site_copy.h"
#include "site/site_name.h"
#include "site/site_plan.h"
#include "site/site_programs.h"
#include "site/site_trust.h"

/* Names the image of that number, which none before it may have. */
static int name_image(struct netboot *n, size_t i, struct fail *f)
{
	int r = site_name_image(&n->site, n->images[i], n->publishing.name, n->names[i], f);

	for (size_t before = 0; r == 0 && before < i; before++)
		if (strcmp(n->names[before], n->names[i]) == 0)
			return fail_set(
				f, EEXIST, n->names[i],
				"Give one of them another name with --name, or, if the second is a "
				"new version of the first, publish them one after the other.",
				"two images would have this name, %s and %s", n->images[before],
				n->images[i]);
	return r;
}

/* The layers for all machines may delete what this root needs. */
static int check_layers(const struct netboot *n, const struct image_report *report, struct fail *f)
{
	size_t n_layers = n->layers.n_common;
	struct unpack_layer *layers = calloc(n_layers + 1, sizeof(*layers));
	const struct unpack_options how = {
		.root_fd = -1, .blocks = &report->blocks, .layers = layers, .n_layers = n_layers
	};
	struct unpack_result unused;
	int r;

	if (!layers)
		return fail_errno(f, ENOMEM, report->image.path, "cannot check its layers");
	for (size_t i = 0; i < n_layers; i++)
		layers[i].payload = &n->layers.common[i].payload;
	r = layered_root_verify(&report->image, &how, "checking", &unused, f);
	free(layers);
	return r;
}

/* Is its kernel there, and one that boot loaders start? */
static int open_kernel(const struct netboot *n, struct netboot_image *g, struct fail *f)
{
	int r = image_kernel_open(&g->report.image, n->kernel, &g->kernel, f);

	return r == 0 ? image_kernel_check_loaders(&g->kernel, f) : r;
}

/* Can it boot, as far as can be told without reading all of it, is its kernel there, and can it have its name, title and kernel line? */
static int check_image(struct netboot *n, size_t i, struct fail *f)
{
	struct publishing p = n->publishing;
	struct netboot_image *g = &n->given[i];
	const struct image *image = &g->report.image;
	int r;

	p.image = n->images[i];
	p.name = n->names[i];
	(void)stat(p.image, &g->seen); /* one that is not there fails anyway */
	r = image_report_open(p.image, &g->report, f);
	if (r == 0)
		r = image_verify_has_init(image, f);
	if (r == 0)
		r = image_need_root(image, f);
	if (r == 0)
		r = open_kernel(n, g, f);
	if (r == 0)
		r = site_copy_check(&p, image, f);
	if (r == 0)
		r = name_image(n, i, f);
	return r == 0 ? site_draft_check(&n->site, &p, &g->report.keys, f) : r;
}

static int check_bytes(const struct netboot *n, const struct image_report *report, struct fail *f)
{
	int r = image_verify_bytes(&report->image, f);

	return r == 0 && n->layers.n_common > 0 ? check_layers(n, report, f) : r;
}

/* Are there layers that must be signed, and are not? What --rollback goes back to is not known yet. */
static int check_signed(const struct netboot *n, const struct site_plan *plan, struct fail *f)
{
	struct site_trust trust;
	int r;

	if (n->publishing.sign || n->roll_back || n->layers.n == n->layers.n_common)
		return 0;
	r = site_trust_read(&n->site, plan, &trust, f);
	if (r == 0)
		r = netboot_layers_check_signed(&n->layers, &n->publishing, &trust, f);
	site_trust_free(&trust);
	return r;
}

/* Is there what --rollback, --remove and the defaults of menu and machines name? If the images are new versions is not known yet. */
static int check_plan(struct netboot *n, struct fail *f)
{
	struct site_draft *drafts = calloc(n->n_images + 1, sizeof(*drafts));
	const struct site_plan plan = { drafts, n->n_images, n->roll_back, n->remove };
	int r;

	if (!drafts)
		return fail_errno(f, ENOMEM, n->site.directory, "cannot publish there");
	for (size_t i = 0; i < n->n_images; i++) {
		drafts[i].p.name = n->names[i];
		drafts[i].is_new = true;
		drafts[i].keys = n->given[i].report.keys;
		drafts[i].version.has_keys = drafts[i].keys.n > 0;
		strcpy(drafts[i].version.version, "new");
	}
	r = site_plan_check(&n->site, &plan, f);
	if (r == 0)
		r = check_signed(n, &plan, f);
	free(drafts);
	return r;
}

static int check_images(struct netboot *n, struct fail *f)
{
	int r = 0;

	n->names = calloc(n->n_images + 1, sizeof(*n->names));
	n->given = calloc(n->n_images + 1, sizeof(*n->given));
	if (!n->names || !n->given)
		return fail_errno(f, ENOMEM, n->site.directory, "cannot publish there");
	for (size_t i = 0; r == 0 && i < n->n_images; i++)
		r = check_image(n, i, f);
	return r;
}

/* All that can be said at once, before layers are packed and images read. What is wrong with one image leaves no directory behind, and
 * none of the others is published. */
static int check_given(struct netboot *n, struct fail *f)
{
	int r = n->publishing.sign ? signing_check(n->publishing.sign, f) : 0;

	n->publishing.n_layers = n->layers.n_common;
	if (r == 0)
		r = netboot_layers_check(&n->layers, f);
	if (r == 0)
		r = check_images(n, f);
	if (r == 0 && netboot_gives_uki(n))
		r = site_uki_open(&n->given_uki, n->uki, f);
	if (r == 0)
		r = check_plan(n, f);
	return r == 0 ? site_programs_check(&n->site, f) : r;
}

int netboot_check(struct netboot *n, struct fail *f)
{
	int r = site_check(&n->site, f);

	if (r == 0)
		r = check_given(n, f);
	if (r == 0)
		r = netboot_layers_open(&n->layers, &n->site, f);
	n->publishing.layers = n->layers.common;
	for (size_t i = 0; r == 0 && i < n->n_images; i++)
		r = check_bytes(n, &n->given[i].report, f);
	return r;
}
