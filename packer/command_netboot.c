/* tarboot netboot: publishes images for machines that boot over the network. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "command.h"
#include "out.h"
#include "say.h"
#include "site_files.h"
#include "site_images.h"
#include "site_menu.h"
#include "site_servers.h"
#include "size.h"

enum {
	OPT_KERNEL = 256,
	OPT_NAME,
	OPT_TITLE,
	OPT_APPEND,
	OPT_SPLIT,
	OPT_ROLLBACK,
	OPT_REMOVE,
	OPT_PROXY,
	OPT_NO_PROXY,
	OPT_HELP,
	OPT_SETTING
};

/* Those from OPT_SETTING on are settings of the site, by their names. */
static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "title", required_argument, NULL, OPT_TITLE },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "split", no_argument, NULL, OPT_SPLIT },
	{ "rollback", required_argument, NULL, OPT_ROLLBACK },
	{ "remove", required_argument, NULL, OPT_REMOVE },
	{ "proxy", no_argument, NULL, OPT_PROXY },
	{ "no-proxy", no_argument, NULL, OPT_NO_PROXY },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "server", required_argument, NULL, OPT_SETTING },
	{ "subnet", required_argument, NULL, OPT_SETTING },
	{ "range", required_argument, NULL, OPT_SETTING },
	{ "router", required_argument, NULL, OPT_SETTING },
	{ "dns", required_argument, NULL, OPT_SETTING },
	{ "http-port", required_argument, NULL, OPT_SETTING },
	{ "url", required_argument, NULL, OPT_SETTING },
	{ "ipxe", required_argument, NULL, OPT_SETTING },
	{ "installer", required_argument, NULL, OPT_SETTING },
	{ "default", required_argument, NULL, OPT_SETTING },
	{ "timeout", required_argument, NULL, OPT_SETTING },
	{ "versions", required_argument, NULL, OPT_SETTING },
	{ "host", required_argument, NULL, OPT_SETTING },
	{ "boot", required_argument, NULL, OPT_SETTING },
	{ NULL, 0, NULL, 0 },
};

struct netboot {
	struct site site;
	struct publishing publishing; /* of each image; image and name are set for each */
	const char *kernel, *roll_back, *remove;
	char **images; /* of argv */
	int n_images;
	int lock; /* the directory */
};

static int print_help(void)
{
	printf("Usage: tarboot netboot [IMAGE]... -o DIR [OPTION]...\n\n"
	       "Publishes images in DIR for machines that boot from the network: iPXE, its menu, "
	       "versions\n"
	       "of the images, configurations of servers. `tarboot serve DIR` then serves it.\n"
	       "Settings are kept in DIR/netboot.conf, so later runs need not repeat them.\n\n"
	       "Images:\n"
	       "      --name NAME         in the menu's addresses (default: the file's)\n"
	       "      --title TEXT        in the menu (default: NAME)\n"
	       "      --append TEXT       the kernel line; the default is\n"
	       "                          %s\n"
	       "      --kernel FILE       (default: IMAGE.vmlinuz)\n"
	       "      --split             two files: what boots, and the root, which caches may "
	       "keep\n"
	       "      --rollback NAME     the previous version becomes the current one, and back\n"
	       "      --remove NAME       remove an image and all its versions\n"
	       "      --versions N        keep N of each image (default: 3)\n\n"
	       "Network:\n"
	       "      --server ADDRESS    of the machine that serves DIR; needed once\n"
	       "      --subnet CIDR       of the machines, as 192.168.7.0/24; needed once\n"
	       "      --range FIRST,LAST  addresses to give (default: in the upper half of the "
	       "subnet)\n"
	       "      --router ADDRESS, --dns ADDRESS  to tell the machines (default: none)\n"
	       "      --host MAC=ADDRESS[,NAME]  a fixed address for one machine\n"
	       "      --proxy             another DHCP server gives the addresses (--no-proxy: "
	       "this one)\n"
	       "      --http-port N       (default: 80)\n"
	       "      --url URL           where DIR/http is served, if not by this machine\n\n"
	       "Menu:\n"
	       "      --default ENTRY     what boots by itself (default: the first image)\n"
	       "      --timeout S         after S seconds (default: 10; 0: never)\n"
	       "      --boot MAC=ENTRY    what one machine boots by itself\n"
	       "      --installer URL     an installer to offer: URL/linux and URL/initrd.gz\n"
	       "      --ipxe DIR          programs of iPXE (default: /usr/lib/ipxe)\n"
	       "      --help              show this help\n",
	       site_default_append);
	return EXIT_OK;
}

/* ---- options ---- */

/* Before the others: they change what is in the directory. */
static int find_directory(int argc, char **argv, struct netboot *n)
{
	const char *directory = NULL;
	int c;

	while ((c = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
		if (c == 'o')
			directory = optarg;
		if (c == OPT_HELP)
			exit(print_help());
		if (c == '?' || c == ':')
			return say_bad_option("netboot", c, argv[optind - 1]);
	}
	optind = 0; /* from the start */
	if (!directory)
		return say_usage("netboot", "-o DIR is missing");
	site_init(&n->site, directory);
	return -1;
}

static int set_setting(struct site *s, const char *key, const char *value)
{
	const char *why = site_set(s, key, value);

	return why ? say_usage("netboot", "--%s %s: %s", key, value, why) : EXIT_OK;
}

static int set_option(struct netboot *n, int c, const char *key, const char *value)
{
	switch (c) {
	case OPT_KERNEL:
		n->kernel = value;
		break;
	case OPT_NAME:
		n->publishing.name = value;
		break;
	case OPT_TITLE:
		n->publishing.title = value;
		break;
	case OPT_APPEND:
		n->publishing.append = value;
		break;
	case OPT_SPLIT:
		n->publishing.split = true;
		break;
	case OPT_ROLLBACK:
		n->roll_back = value;
		break;
	case OPT_REMOVE:
		n->remove = value;
		break;
	case OPT_PROXY:
	case OPT_NO_PROXY:
		return set_setting(&n->site, "proxy", c == OPT_PROXY ? "yes" : "no");
	case OPT_SETTING:
		return set_setting(&n->site, key, value);
	}
	return EXIT_OK;
}

static int parse_options(int argc, char **argv, struct netboot *n)
{
	int c, which = 0, r = EXIT_OK;

	while (r == EXIT_OK && (c = getopt_long(argc, argv, ":o:", options, &which)) != -1)
		r = set_option(n, c, options[which].name, optarg);
	n->images = argv + optind;
	n->n_images = argc - optind;
	if (r == EXIT_OK && n->n_images != 1 &&
	    (n->publishing.name || n->publishing.title || n->kernel))
		r = say_usage("netboot",
			      "--name, --title and --kernel are for one IMAGE at a time");
	return r;
}

/* ---- the work ---- */

/* lab for /images/lab.img; other characters become -. */
static void name_of(const char *image, char ret[SITE_NAME_MAX])
{
	const char *slash = strrchr(image, '/');

	snprintf(ret, SITE_NAME_MAX, "%s", slash ? slash + 1 : image);
	if (ends_with(ret, ".img"))
		ret[strlen(ret) - 4] = '\0';
	for (char *at = ret; *at; at++) {
		char one[2] = { *at };

		if (!name_is_plain(one) && *at != '-')
			*at = at == ret ? '_' : '-';
	}
}

static int publish(struct netboot *n, const char *image, struct fail *f)
{
	struct publishing p = n->publishing;
	_cleanup_free_ char *kernel = NULL;
	char name[SITE_NAME_MAX];
	bool published;
	int r;

	name_of(image, name);
	p.image = image;
	p.name = p.name ? p.name : name;
	if (!name_is_plain(p.name) || menu_has_entry(p.name))
		return fail_set(f, EINVAL, p.name, "Give another with --name.",
				menu_has_entry(p.name)
					? "the menu itself has an entry of that name"
					: "a name has letters, digits, - and _, at most 32");
	if (asprintf(&kernel, "%s%s", n->kernel ? n->kernel : image, n->kernel ? "" : ".vmlinuz") <
	    0)
		return fail_errno(f, ENOMEM, image, "cannot find its kernel");
	p.kernel = kernel;
	if (access(kernel, R_OK) < 0)
		return fail_set(f, errno, kernel, "Give it with --kernel FILE.",
				"cannot read the kernel of this image: %s", strerror(errno));
	r = site_publish(&n->site, &p, &published, f);
	if (r == 0)
		printf("%s %s\n", published ? "published" : "unchanged", p.name);
	return r;
}

static int change_images(struct netboot *n, struct fail *f)
{
	int r = 0;

	for (int i = 0; r == 0 && i < n->n_images; i++)
		r = publish(n, n->images[i], f);
	if (r == 0 && n->roll_back)
		r = site_roll_back(&n->site, n->roll_back, f);
	if (r == 0 && n->remove)
		r = site_remove(&n->site, n->remove, f);
	return r;
}

static void print_images(const struct site_image *images, size_t n)
{
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		printf("image    %s: %s, current %s (%s)%s%s\n", images[i].name,
		       images[i].current.title, images[i].current.version,
		       size_format(size, images[i].current.size),
		       *images[i].previous.version ? ", previous " : "",
		       images[i].previous.version);
}

static int write_all(struct netboot *n, struct fail *f)
{
	struct menu_extras extras = { 0 };
	struct site_image *images = NULL;
	char url[SITE_TEXT_MAX];
	size_t n_images = 0;
	int r = site_images(&n->site, &images, &n_images, f);

	if (r == 0)
		r = site_copy_programs(&n->site, &extras.memtest_bios, &extras.memtest_efi, f);
	if (r == 0)
		r = menu_write(&n->site, images, n_images, &extras, f);
	if (r == 0)
		r = servers_write(&n->site, f);
	if (r == 0)
		r = site_save(&n->site, f);
	if (r == 0) {
		site_url(&n->site, url);
		print_images(images, n_images);
		printf("menu     %s/menu.ipxe\nserve    tarboot serve %s\n", url,
		       n->site.directory);
	}
	free(images);
	return r;
}

/* One at a time: two would prune each other's versions. */
static int lock(struct netboot *n, struct fail *f)
{
	n->lock = open(n->site.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (n->lock < 0)
		return fail_errno(f, errno, n->site.directory, "cannot open it");
	if (flock(n->lock, LOCK_EX | LOCK_NB) < 0)
		return fail_set(f, errno, n->site.directory, "Wait for it.",
				"another tarboot netboot is at work there");
	return 0;
}

static int netboot(struct netboot *n, struct fail *f)
{
	int r = site_check(&n->site, f);

	if (r == 0)
		r = site_claim(&n->site, f);
	if (r == 0)
		r = lock(n, f);
	if (r == 0)
		r = change_images(n, f);
	return r == 0 ? write_all(n, f) : r;
}

int command_netboot(int argc, char **argv)
{
	struct netboot n = { .lock = -1 };
	struct fail f;
	int r = find_directory(argc, argv, &n);

	umask(022); /* the servers, which are other users, read it all */
	if (r >= 0)
		return r;
	r = site_load(&n.site, true, &f) < 0 ? say_fail(&f) : parse_options(argc, argv, &n);
	if (r == EXIT_OK && netboot(&n, &f) < 0)
		r = say_fail(&f);
	cleanup_close(&n.lock);
	site_free(&n.site);
	return r;
}
