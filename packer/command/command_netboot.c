/* tarboot netboot: publishes images for machines that boot over the network. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command/command.h"
#include "command/netboot_layers.h"
#include "image/image_kernel.h"
#include "image/image_report.h"
#include "image/image_verify.h"
#include "image/layered_root.h"
#include "base/options.h"
#include "base/out.h"
#include "base/print.h"
#include "base/unchanged.h"
#include "site/site_copy.h"
#include "site/site_file.h"
#include "site/site_generate.h"
#include "site/site_layers.h"
#include "site/site_layers_check.h"
#include "site/site_name.h"
#include "site/site_plan.h"
#include "site/site_programs.h"
#include "site/site_publish.h"
#include "site/site_settings.h"
#include "site/site_stream.h"
#include "site/site_trust.h"
#include "site/site_uki.h"
#include "base/size.h"

enum {
	OPT_HELP,
	OPT_OUTPUT,
	OPT_KERNEL,
	OPT_NAME,
	OPT_TITLE,
	OPT_APPEND,
	OPT_SPLIT,
	OPT_STREAM,
	OPT_SIGN,
	OPT_LAYER,
	OPT_MACHINE_LAYER,
	OPT_HOSTS,
	OPT_FORGET,
	OPT_UKI,
	OPT_ROLLBACK,
	OPT_REMOVE,
	OPT_PROXY,
	OPT_NO_PROXY,
	OPT_IPXE,
	OPT_QUIET,
	OPT_SETTING
};

/* OPT_SETTING: a setting of the site, of that name. */
static const struct option_spec options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .id = OPT_OUTPUT,
	  .value = "DIR",
	  .help = "create or change the site in this directory" },
	{ .help = "Images:" },
	{ .name = "name",
	  .id = OPT_NAME,
	  .value = "NAME",
	  .help = "publish the image under this name (default: its file name)" },
	{ .name = "title",
	  .id = OPT_TITLE,
	  .value = "TEXT",
	  .help = "show this title in the menu (default: NAME)" },
	{ .name = "append",
	  .id = OPT_APPEND,
	  .value = "TEXT",
	  .may_be_empty = true,
	  .help = "set the kernel command line ('' for none); the default "
		  "is " SITE_DEFAULT_APPEND },
	{ .name = "kernel",
	  .id = OPT_KERNEL,
	  .value = "FILE",
	  .help = "use this kernel (default: IMAGE.vmlinuz)" },
	{ .name = "split",
	  .id = OPT_SPLIT,
	  .help = "publish two files, boot part and root, so that caches can keep the root" },
	{ .name = "stream",
	  .id = OPT_STREAM,
	  .help = "publish boot part and root, which the machine fetches, checks and unpacks at "
		  "once; the image must be packed with --stream" },
	{ .name = "sign",
	  .id = OPT_SIGN,
	  .value = "KEYFILE",
	  .help = "sign the manifests of a root that is published with --stream, and of layers, "
		  "with "
		  "this secret key, by minisign, for boot parts that trust its public key" },
	{ .name = "layer",
	  .id = OPT_LAYER,
	  .value = "DIR|TAR",
	  .help = "lay this over the root at boot, on all machines: a directory, or a .tar, "
		  ".tar.xz "
		  "or .tar.zst; may be given several times" },
	{ .name = "uki",
	  .id = OPT_UKI,
	  .value = "FILE",
	  .suggest = "none",
	  .help = "publish a unified kernel image (`tarboot pack --uki`), which UEFI machines "
		  "get in the place of iPXE and its menu; none: they get iPXE" },
	{ .name = "rollback",
	  .id = OPT_ROLLBACK,
	  .value = "NAME",
	  .suggest = "@images",
	  .help = "make the previous version the current one; again to undo that" },
	{ .name = "remove",
	  .id = OPT_REMOVE,
	  .value = "NAME",
	  .suggest = "@images",
	  .help = "remove an image and all its versions" },
	{ .name = "versions",
	  .id = OPT_SETTING,
	  .value = "N",
	  .help = "keep N versions of each image (default: 3)" },
	{ .help = "Network:" },
	{ .name = "server",
	  .id = OPT_SETTING,
	  .value = "ADDRESS",
	  .help = "set the address of the machine that serves DIR; required once" },
	{ .name = "subnet",
	  .id = OPT_SETTING,
	  .value = "ADDRESS/BITS",
	  .help = "set the subnet of the machines, for example 192.168.7.0/24; required once" },
	{ .name = "range",
	  .id = OPT_SETTING,
	  .value = "FIRST,LAST",
	  .help = "assign these addresses (default: at most 200 in the upper half of the subnet)" },
	{ .name = "router",
	  .id = OPT_SETTING,
	  .value = "ADDRESS",
	  .help = "announce this router to the machines (default: none)" },
	{ .name = "dns",
	  .id = OPT_SETTING,
	  .value = "ADDRESS",
	  .help = "announce this DNS server to the machines (default: none)" },
	{ .name = "host",
	  .id = OPT_SETTING,
	  .value = "MAC=ADDRESS[,NAME]",
	  .help = "assign a fixed address, and a name, to one machine" },
	{ .name = "hosts",
	  .id = OPT_HOSTS,
	  .value = "FILE",
	  .help = "read machines from a file like /etc/ethers, or one with columns: "
		  "MAC,ADDRESS,NAME,ENTRY,LAYER" },
	{ .name = "machine-layer",
	  .id = OPT_MACHINE_LAYER,
	  .value = "MAC=DIR|TAR",
	  .help = "lay this over the root at boot, on one machine; none: no more" },
	{ .name = "forget",
	  .id = OPT_FORGET,
	  .value = "MAC",
	  .help = "forget one machine: its address, name, entry and layer" },
	{ .name = "proxy", .id = OPT_PROXY, .help = "leave the addresses to another DHCP server" },
	{ .name = "no-proxy", .id = OPT_NO_PROXY, .help = "assign the addresses, too (default)" },
	{ .name = "http-port",
	  .id = OPT_SETTING,
	  .value = "N",
	  .help = "serve HTTP on this port (default: 80)" },
	{ .name = "url",
	  .id = OPT_SETTING,
	  .value = "URL",
	  .help = "set the URL where DIR/http is served, if not by this machine; none: it is" },
	{ .name = "mirror",
	  .id = OPT_SETTING,
	  .value = "URL",
	  .help = "add a URL where a copy of DIR/http is served, for roots published with "
		  "--stream; none forgets all" },
	{ .help = "Menu:" },
	{ .name = "default",
	  .id = OPT_SETTING,
	  .value = "ENTRY",
	  .suggest = "local memtest install shell reboot @images",
	  .help = "boot this entry by default (default: the first image published)" },
	{ .name = "timeout",
	  .id = OPT_SETTING,
	  .value = "S",
	  .help = "boot it after S seconds (default: 10; 0: never)" },
	{ .name = "boot",
	  .id = OPT_SETTING,
	  .value = "MAC=ENTRY",
	  .help = "boot this entry by default on one machine" },
	{ .name = "installer",
	  .id = OPT_SETTING,
	  .value = "URL",
	  .help = "offer an installer: URL/linux and URL/initrd.gz; none: none" },
	{ .name = "ipxe",
	  .id = OPT_IPXE,
	  .value = "DIR",
	  .help = "take the programs of iPXE from DIR (default: /usr/lib/ipxe)" },
	OPTION_QUIET(.id = OPT_QUIET),
	OPTION_HELP,
	OPTIONS_END,
};

const struct command_usage usage_netboot = {
	.command = "netboot",
	.synopsis = "netboot [IMAGE]... -o DIR [OPTION]...",
	.about = "Publishes images in DIR for machines that boot from the network, with iPXE, a "
		 "boot menu, versions of each image, and configuration files for servers. `tarboot "
		 "serve DIR` serves it. Settings are stored in DIR/netboot.conf, so that later "
		 "runs need not repeat them.",
	.options = options,
};

/* An image that is given: it stays open, so that what is published is what was checked. */
struct given {
	struct stat seen; /* before it was read: see unchanged.h */
	struct image_report report;
	struct image_kernel kernel;
};

struct netboot {
	struct site site;
	struct publishing publishing; /* of each image; image and name are set for each */
	const char *kernel, *roll_back, *remove, *hosts;
	const char *uki; /* a path, or none; NULL = what is there stays */
	struct site_uki given_uki;
	bool quiet;
	struct netboot_layers layers;
	struct site_draft *drafts;    /* of the images; owned */
	char **images;                /* of argv */
	char (*names)[SITE_NAME_MAX]; /* of the images; owned */
	struct given *given;          /* the images; owned */
	size_t n_images;
	bool has_published; /* machines may load something of it */
	int lock;           /* the directory */
};

/* ---- options ---- */

/* In a netboot.conf, which an earlier version may have written, there is only a warning of it: site_check(). */
static bool is_of_no_card(const char *key, const char *value)
{
	char mac[MAC_TEXT_MAX];

	return (strcmp(key, "host") == 0 || strcmp(key, "boot") == 0) &&
	       mac_parse(value, strcspn(value, "="), ':', mac) && !mac_is_of_card(mac);
}

static int set_setting(struct site *s, const char *key, const char *value)
{
	const char *why = is_of_no_card(key, value) ? "its MAC address is that of a group, or all "
						      "zeros, and no machine's"
						    : site_apply_setting(s, key, value);

	return why ? print_usage_error("netboot", "--%s %s: %s", key, value, why) : EXIT_OK;
}

/* Later runs may start from another directory. */
static int set_ipxe(struct site *s, const char *value)
{
	_cleanup_free_ char *path = realpath(value, NULL);

	return set_setting(s, "ipxe", path ? path : value);
}

/* Where the value of an option goes as it is, or NULL. */
static const char **text_of_option(struct netboot *n, int id)
{
	switch (id) {
	case OPT_KERNEL:
		return &n->kernel;
	case OPT_NAME:
		return &n->publishing.name;
	case OPT_TITLE:
		return &n->publishing.title;
	case OPT_APPEND:
		return &n->publishing.append;
	case OPT_UKI:
		return &n->uki;
	case OPT_ROLLBACK:
		return &n->roll_back;
	case OPT_REMOVE:
		return &n->remove;
	case OPT_HOSTS:
		return &n->hosts;
	default:
		return NULL;
	}
}

static int check_forget(const char *value)
{
	char mac[MAC_TEXT_MAX];

	if (strlen(value) == MAC_TEXT_MAX - 1 && mac_parse(value, strlen(value), ':', mac))
		return EXIT_OK;
	return print_usage_error(
		"netboot", "--forget %s: it must be a MAC address, for example 52:54:00:12:34:56",
		value);
}

static int set_option(struct netboot *n, const struct option_spec *o, const char *value)
{
	const char **text = text_of_option(n, o->id);

	if (o->id == OPT_HOSTS && n->hosts)
		return print_usage_error("netboot", "--hosts: it may stand once");
	if (text)
		*text = value;
	switch (o->id) {
	case OPT_APPEND:
		return option_kernel_line("netboot", "--append", value);
	case OPT_SPLIT:
		n->publishing.split = true;
		break;
	case OPT_STREAM:
		n->publishing.stream = true;
		break;
	case OPT_SIGN:
		n->publishing.sign = value;
		break;
	case OPT_LAYER:
		return netboot_layers_add(&n->layers, NULL, value);
	case OPT_MACHINE_LAYER:
		return netboot_layers_add_machine(&n->layers, value);
	case OPT_FORGET: /* see forget_machines() */
		return check_forget(value);
	case OPT_PROXY:
	case OPT_NO_PROXY:
		return set_setting(&n->site, "proxy", o->id == OPT_PROXY ? "yes" : "no");
	case OPT_IPXE:
		return set_ipxe(&n->site, value);
	case OPT_QUIET:
		n->quiet = true;
		break;
	case OPT_SETTING:
		return set_setting(&n->site, o->name, value);
	}
	return EXIT_OK;
}

/* Do the options go together? */
static int check_options(const struct netboot *n)
{
	const struct publishing *p = &n->publishing;
	bool has_layers = n->layers.n > 0 || n->hosts;

	if (n->n_images != 1 && (p->name || p->title || n->kernel))
		return print_usage_error("netboot",
					 "--name, --title and --kernel need exactly one IMAGE");
	if (n->n_images == 0 && (p->append || p->split || p->stream || n->layers.n_common))
		return print_usage_error("netboot",
					 "--append, --split, --stream and --layer are about an "
					 "IMAGE, and none is given");
	if (p->split && p->stream)
		return print_usage_error("netboot", "--split and --stream cannot be combined");
	if (p->sign && !p->stream && !has_layers)
		return print_usage_error("netboot",
					 "--sign counts only with --stream, or with layers");
	for (size_t i = 0; i < n->n_images; i++)
		if (strcmp(n->images[i], "-") == 0)
			return print_usage_error(
				"netboot",
				"-: an image must be a file (for a file named -, give ./-)");
	return EXIT_OK;
}

/* After the settings of the directory, which these change. */
static int set_options(struct netboot *n, const struct command_line *line)
{
	const struct option_given *given = line->options;
	int r = EXIT_OK;

	for (; r == EXIT_OK && given < line->options + line->n_options; given++)
		r = set_option(n, given->option, given->value);
	n->images = line->arguments;
	n->n_images = line->n_arguments;
	return r == EXIT_OK ? check_options(n) : r;
}

/* All that can be wrong without knowing the directory's settings. */
static int check_line(const struct command_line *line, const char **ret_directory)
{
	const struct option_given *given = line->options;
	struct netboot scratch = { 0 };
	int r;

	*ret_directory = NULL;
	for (; given < line->options + line->n_options; given++)
		if (given->option->id == OPT_OUTPUT)
			*ret_directory = given->value;
	if (!*ret_directory)
		return print_usage_error("netboot", "-o DIR is missing");
	site_init(&scratch.site, *ret_directory);
	r = set_options(&scratch, line);
	netboot_layers_free(&scratch.layers);
	site_free(&scratch.site);
	return r == EXIT_OK && scratch.quiet ? print_quietly() : r;
}

/* ---- the work ---- */

/* Who packs it again meanwhile, or copies it here, would get boot part, root and kernel of two images. */
static int check_unchanged(const struct netboot *n, size_t i, struct fail *f)
{
	const struct given *g = &n->given[i];
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

static bool is_none(const char *value)
{
	return strcmp(value, "none") == 0;
}

static int make_and_sign(struct netboot *n, struct fail *f)
{
	struct signing signing = { 0 };
	int r = make_all(n, &signing, f);

	if (r == 0 && n->uki && !is_none(n->uki))
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
		r = is_none(n->uki) ? site_uki_remove(&n->site, f)
				    : site_uki_publish(&n->given_uki, &n->site, f);
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
static int open_kernel(const struct netboot *n, struct given *g, struct fail *f)
{
	int r = image_kernel_open(&g->report.image, n->kernel, &g->kernel, f);

	return r == 0 ? image_kernel_check_loaders(&g->kernel, f) : r;
}

/* Can it boot, as far as can be told without reading all of it, is its kernel there, and can it have its name, title and kernel line? */
static int check_image(struct netboot *n, size_t i, struct fail *f)
{
	struct publishing p = n->publishing;
	struct given *g = &n->given[i];
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
	if (r == 0 && n->uki && !is_none(n->uki))
		r = site_uki_open(&n->given_uki, n->uki, f);
	if (r == 0)
		r = check_plan(n, f);
	return r == 0 ? site_programs_check(&n->site, f) : r;
}

/* The directory is locked, its settings are read and changed. */
static int change(struct netboot *n, struct fail *f)
{
	bool is_new = false;
	int r = n->hosts ? netboot_layers_read_hosts(&n->layers, &n->site, n->hosts, f) : 0;

	if (r == 0)
		r = site_check(&n->site, f);
	if (r == 0)
		r = check_given(n, f);
	if (r == 0)
		r = netboot_layers_open(&n->layers, &n->site, f);
	n->publishing.layers = n->layers.common;
	for (size_t i = 0; r == 0 && i < n->n_images; i++)
		r = check_bytes(n, &n->given[i].report, f);
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

/* Before what else is said of machines: one may take the place of another. */
static int forget_machines(struct site *s, const struct command_line *line, struct fail *f)
{
	const struct option_given *given = line->options;
	char mac[MAC_TEXT_MAX];

	for (; given < line->options + line->n_options; given++)
		if (given->option->id == OPT_FORGET &&
		    mac_parse(given->value, strlen(given->value), ':', mac) &&
		    !site_forget_machine(s, mac))
			return fail_set(f, ENOENT, mac,
					"See netboot.conf there, which has those that are known.",
					"no machine with this MAC address is known in %s",
					s->directory);
	return 0;
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
		r = forget_machines(&n->site, line, &f);
	if (r == 0)
		wrong = set_options(n, line); /* with those of the site there may be too many */
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
	r = check_line(&line, &directory);
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
