/* An option whose name is that of a setting of the site sets that. */
#include "command/netboot_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/print.h"
#include "command/command.h"
#include "command/option_values.h"
#include "site/site_settings.h"

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
	case OPT_FORGET: /* see netboot_options_forget() */
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

int netboot_options_set(struct netboot *n, const struct command_line *line)
{
	const struct option_given *given = line->options;
	int r = EXIT_OK;

	for (; r == EXIT_OK && given < line->options + line->n_options; given++)
		r = set_option(n, given->option, given->value);
	n->images = line->arguments;
	n->n_images = line->n_arguments;
	return r == EXIT_OK ? check_options(n) : r;
}

int netboot_options_check(const struct command_line *line, const char **ret_directory)
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
	r = netboot_options_set(&scratch, line);
	netboot_layers_free(&scratch.layers);
	site_free(&scratch.site);
	return r == EXIT_OK && scratch.quiet ? print_quietly() : r;
}

int netboot_options_forget(struct site *s, const struct command_line *line, struct fail *f)
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
