/* tarboot netboot: publishes images for machines that boot over the network. What is here is the order of a run. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command/command.h"
#include "command/netboot_check.h"
#include "command/netboot_options.h"
#include "base/options.h"
#include "base/print.h"
#include "base/size.h"
#include "base/unchanged.h"
#include "site/site_file.h"
#include "site/site_generate.h"
#include "site/site_layers.h"
#include "site/site_layers_check.h"
#include "site/site_plan.h"
#include "site/site_publish.h"
#include "site/site_settings.h"
#include "site/site_stream.h"
#include "site/site_trust.h"
#include "site/site_uki.h"

/* Whoever packs it again meanwhile wants the new one published, and a kernel that goes with it. */
static int check_unchanged(const struct netboot *n, size_t i, struct fail *f)
{
	const struct netboot_image *g = &n->given[i];
	int r = unchanged_at(n->images[i], &g->seen, f);

	return r == 0 ? unchanged_at(g->kernel.path, &g->kernel.seen, f) : r;
}

/* All that may fail for what is given is done before anything that machines load changes. */
static int make_all(struct netboot *n, struct signing *signing, struct fail *f)
{
	struct publishing p = n->publishing;
	int r = netboot_layers_give(&n->layers, &n->site, f);

	n->drafts = calloc(n->n_images + 1, sizeof(*n->drafts));
	if (r == 0 && !n->drafts)
		r = fail_errno(f, ENOMEM, n->site.directory, "cannot publish there");
	for (size_t i = 0; r == 0 && i < n->n_images; i++) {
		p.image = n->images[i];
		p.name = n->names[i];
		p.kernel = &n->given[i].kernel;
		r = site_draft_make(&n->site, &p, &n->given[i].report, signing, &n->drafts[i], f);
		if (r == 0)
			r = check_unchanged(n, i, f);
	}
	return r;
}

/* Whose keys must take the layers of machines is asked only if there are some. */
static int add_layers_to_sign(struct netboot *n, const struct site_plan *plan,
			      struct signing *signing, struct site_trust *ret, struct fail *f)
{
	int r;

	*ret = (struct site_trust){ 0 };
	if (n->layers.n == n->layers.n_common)
		return 0;
	r = site_trust_read(&n->site, plan, ret, f);
	return r == 0 ? netboot_layers_sign(&n->layers, &n->site, &n->publishing, ret, signing, f)
		      : r;
}

static int sign_all(struct netboot *n, struct signing *signing, struct fail *f)
{
	const struct site_plan plan = { n->drafts, n->n_images, n->roll_back, n->remove };
	struct site_trust trust = { 0 };
	int r = site_plan_check(&n->site, &plan, f);

	if (r == 0)
		r = add_layers_to_sign(n, &plan, signing, &trust, f);
	if (r == 0 && n->publishing.sign)
		r = signing_run(signing, &n->site, n->publishing.sign, f);
	site_trust_free(&trust);
	return r;
}

static int make_and_sign(struct netboot *n, struct fail *f)
{
	struct signing signing = { 0 };
	int r = make_all(n, &signing, f);

	if (r == 0 && netboot_gives_uki(n))
		r = site_uki_copy(&n->given_uki, &n->site, f);
	if (r == 0)
		r = sign_all(n, &signing, f);
	for (size_t i = 0; r == 0 && i < n->n_images; i++)
		r = site_draft_seal(&n->drafts[i], f);
	if (r == 0)
		r = netboot_layers_seal(&n->layers, &n->site, f);
	signing_free(&signing);
	return r;
}

static int publish(struct netboot *n, struct site_draft *d, struct fail *f)
{
	const struct site_version before = d->image.current;
	int r = site_draft_publish(&n->site, d, f);

	if (r < 0)
		return r;
	n->has_published = n->has_published || d->is_new || d->is_signed_again;
	printf("%s %s\n",
	       d->is_new            ? "published"
	       : d->is_signed_again ? "signed"
				    : "unchanged",
	       d->p.name);
	if (d->was_damaged)
		print_warning("%s: files of the version before were missing or damaged in %s: "
			      "this is a new one of the same",
			      d->p.name, n->site.directory);
	if (d->is_new && *before.payload && !d->p.stream)
		print_warning("%s: the boot loader loads this version whole; the one before was "
			      "published with --stream: give it again to have this one fetched",
			      d->p.name);
	if (d->is_new && before.n_layers > 0 && d->p.n_layers == 0)
		print_warning("%s: this version has no layers for all machines; the one before had "
			      "%zu: give --layer again to have them",
			      d->p.name, before.n_layers);
	return 0;
}

/* What boots by itself stays when other images come: the first that was published. A site without that setting has
 * booted the first by name until now. */
static int keep_default(struct netboot *n, struct fail *f)
{
	struct site *s = &n->site;
	struct site_image *images = NULL;
	size_t n_images = 0;
	int r = *s->boot ? 0 : site_images(s, &images, &n_images, f);

	if (r == 0 && n_images > 0)
		strcpy(s->boot, images[0].name);
	else if (r == 0 && !*s->boot && n->n_images > 0)
		strcpy(s->boot, n->names[0]);
	free(images);
	return r;
}

static int change_images(struct netboot *n, struct fail *f)
{
	struct fail unused;
	int r = site_sweep(&n->site, f);

	if (r == 0)
		r = keep_default(n, f);
	if (r == 0)
		r = make_and_sign(n, f);
	for (size_t i = 0; r == 0 && i < n->n_images; i++)
		r = publish(n, &n->drafts[i], f);
	if (r == 0)
		r = netboot_layers_publish(&n->layers, &n->site, f);
	n->has_published = n->has_published || (r == 0 && netboot_layers_has_new(&n->layers));
	if (r == 0 && n->uki)
		r = netboot_gives_uki(n) ? site_uki_publish(&n->given_uki, &n->site, f)
					 : site_uki_remove(&n->site, f);
	if (r == 0 && n->roll_back)
		r = site_roll_back(&n->site, n->roll_back, f);
	if (r < 0)
		(void)site_sweep(&n->site, &unused);
	return r;
}

static const char *format_sizes(const struct site_version *v, char ret[3 * SIZE_TEXT_MAX])
{
	char load[SIZE_TEXT_MAX], fetch[SIZE_TEXT_MAX];

	size_format(load, v->size);
	if (v->fetched)
		snprintf(ret, 3 * SIZE_TEXT_MAX, "%s to load, %s to fetch", load,
			 size_format(fetch, v->fetched));
	else
		strcpy(ret, load);
	return ret;
}

static void print_images(const struct site *s, const char *url, const struct site_image *images,
			 size_t n)
{
	char sizes[3 * SIZE_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		print_line(stdout, "image    %s: %s, current %s (%s)%s%s%s", images[i].name,
			   images[i].current.title, images[i].current.version,
			   format_sizes(&images[i].current, sizes),
			   *images[i].previous.version ? ", previous " : "",
			   images[i].previous.version,
			   strcmp(images[i].name, s->boot) == 0 ? ", the default" : "");
		if (!*images[i].current.payload)
			continue;
		fputs("root     ", stdout);
		site_stream_print_url(stdout, url, images[i].name, &images[i].current);
		putchar('\n');
	}
}

static void warn_of_layer(const struct site_machine *m, const char *file, const char *why)
{
	print_warning("http/layers/%s of %s %s: that machine does not boot: give its layer again "
		      "with --machine-layer %s=DIR, or take it away with %s=none.",
		      file, m->mac, why, m->mac, m->mac);
}

/* What is published already does not boot everywhere; that stops nothing else. Only who publishes waits until all of it is read. */
static void warn_of_layers(const struct netboot *n)
{
	const struct site_plan nothing = { 0 };
	const struct site *s = &n->site;
	struct site_trust trust;
	struct fail f;

	if (!site_layers_are_given(s))
		return;
	if (site_trust_read(s, &nothing, &trust, &f) < 0)
		print_warning(
			"whose signatures it takes is not known: %s: %s: give its image again",
			f.what, f.why);
	else
		site_trust_warn(&trust, s);
	site_trust_free(&trust);
	site_layers_find_faults(s, n->has_published, warn_of_layer);
}

/* When menu and scripts do not name it any more. */
static int remove_old(struct netboot *n, const struct site_image *images, size_t n_images,
		      struct fail *f)
{
	int r = n->remove ? site_remove(&n->site, n->remove, f) : 0;

	for (size_t i = 0; r == 0 && i < n_images; i++)
		r = site_prune(&n->site, &images[i], f);
	if (r == 0)
		r = netboot_layers_remove_old(&n->layers, &n->site, f);
	return r == 0 ? site_layers_sweep(&n->site, f) : r;
}

static int write_all(struct netboot *n, struct fail *f)
{
	struct site_image *images = NULL;
	char url[SITE_TEXT_MAX];
	size_t n_images = 0;
	int r = site_generate(&n->site, n->remove, &images, &n_images, f);

	if (r == 0)
		r = remove_old(n, images, n_images, f);
	if (r < 0) {
		free(images);
		return r;
	}
	site_url(&n->site, url);
	print_images(&n->site, url, images, n_images);
	site_uki_print(&n->site, url);
	warn_of_layers(n);
	printf("menu     %s/menu.ipxe\n", url);
	print_line(stdout, "serve    tarboot serve %s", n->site.directory);
	free(images);
	if (site_check_reachable(&n->site, f) < 0)
		print_warning("%s: %s: %s", f->what, f->why, f->todo);
	return 0;
}

/* The directory is made and locked before its settings are read. */
static int lock(struct netboot *n, bool *ret_made, struct fail *f)
{
	int r = site_make_directory(&n->site, ret_made, f);

	return r == 0 ? site_lock(&n->site, &n->lock, f) : r;
}

/* The directory is locked, its settings are read and changed. */
static int change(struct netboot *n, struct fail *f)
{
	bool is_new = false;
	int r = n->hosts ? netboot_layers_read_hosts(&n->layers, &n->site, n->hosts, f) : 0;

	if (r == 0)
		r = netboot_check(n, f);
	if (r == 0)
		r = site_claim(&n->site, &is_new, f);
	if (r == 0)
		r = change_images(n, f);
	if (r < 0 && is_new && !n->has_published) {
		site_uki_close(&n->given_uki);
		site_unclaim(&n->site);
	}
	return r == 0 ? write_all(n, f) : r;
}

/* Returns an exit code. */
static int netboot(struct netboot *n, const struct command_line *line)
{
	bool made = false;
	struct fail f;
	int wrong = EXIT_OK, r = lock(n, &made, &f);

	if (r == 0)
		r = site_load(&n->site, true, &f);
	if (r == 0)
		r = netboot_layers_note(&n->layers, &n->site, &f);
	if (r == 0)
		r = netboot_options_forget(&n->site, line, &f);
	if (r == 0) /* with those of the site there may be too many */
		wrong = netboot_options_set(n, line);
	if (r == 0 && wrong == EXIT_OK)
		r = change(n, &f);
	if (r < 0 && made)
		(void)rmdir(n->site.directory); /* unless something came into it */
	return r < 0 ? print_failure(&f) : wrong;
}

int command_netboot(int argc, char **argv)
{
	struct netboot n = { .lock = -1 };
	struct command_line line;
	const char *directory;
	int r = options_read(&usage_netboot, argc, argv, &line);

	if (r >= 0)
		return r;
	umask(022); /* the servers, which are other users, read it all */
	r = netboot_options_check(&line, &directory);
	if (r == EXIT_OK) {
		site_init(&n.site, directory);
		r = netboot(&n, &line);
	}
	cleanup_close(&n.lock);
	netboot_layers_free(&n.layers);
	for (size_t i = 0; n.drafts && i < n.n_images; i++)
		site_draft_free(&n.drafts[i]);
	free(n.drafts);
	free(n.names);
	for (size_t i = 0; n.given && i < n.n_images; i++) {
		image_kernel_close(&n.given[i].kernel);
		image_report_close(&n.given[i].report);
	}
	free(n.given);
	site_uki_close(&n.given_uki);
	site_free(&n.site);
	free(line.options);
	return r;
}
