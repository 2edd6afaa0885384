/* The limits are those of init and of the kernel. */
#include "site/site_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cmdline.h"
#include "base/util.h"
#include "fetch/url.h"
#include "parameters/params.h"
#include "site/site_layers.h"
#include "site/site_line.h"

/* What the menu and iPXE write for these is no longer than this, with the longest name of a host. */
static const char of_ipxe[] =
	"ip=255.255.255.255::255.255.255.255:255.255.255.255:"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx::none:255.255.255.255 "
	"BOOTIF=01-52-54-00-12-34-56 tarboot.log=255.255.255.255 ";

/* netX is the card that iPXE boots from: of several, the settings must be those of one. */
static const char ip[] = "ip=${netX/ip}::${netX/gateway}:${netX/netmask}:" SITE_LINE_HOSTNAME
			 "::none" SITE_LINE_DNS " ";
static const char bootif[] = "BOOTIF=01-${netX/mac:hexhyp} ";

/* What the menu itself may add: print_version() in site_menu.c. */
static const char of_menu[] = "initrd=boot.img  tarboot.shell tarboot.debug";

/* Has a kernel command line a parameter of this name, with a value? */
static bool has_parameter(const char *line, const char *name)
{
	struct cmdline_param p;

	while (cmdline_next(&line, &p))
		if (p.value && p.name_size == strlen(name) &&
		    memcmp(p.name, name, p.name_size) == 0)
			return true;
	return false;
}

/* Where its root is below http/. */
static void path_of_root(const char *name, const struct site_version *v, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "images/%s/%s/%s", name, v->version, v->payload);
}

void site_stream_print_url(FILE *out, const char *base, const char *name,
			   const struct site_version *v)
{
	char path[PATH_MAX];

	path_of_root(name, v, path);
	fprintf(out, "%s/%s", base, path);
}

static void print_urls(FILE *out, const struct site *s, const char *name,
		       const struct site_version *v)
{
	char path[PATH_MAX];

	path_of_root(name, v, path);
	site_print_urls(out, s, path);
}

static int check_urls(const char *urls, struct fail *f)
{
	_cleanup_free_ struct url *list = calloc(URLS_MAX, sizeof(*list));
	size_t n;

	if (!list)
		return fail_errno(f, ENOMEM, "--stream", "cannot write the menu");
	if (strlen(urls) >= URL_LIST_MAX)
		return fail_set(f, E2BIG, "--mirror",
				"Use fewer or shorter ones, or a shorter --name.",
				"the URLs of the root take %zu characters, tarboot.rootfs= may "
				"have %d",
				strlen(urls), URL_LIST_MAX - 1);
	return url_list_parse(urls, list, &n, f);
}

/* Of the machine that has the longest one. */
static size_t longest_machine_word(const struct site *s)
{
	size_t longest = 0;

	for (size_t i = 0; i < s->n_machines; i++) {
		_cleanup_free_ char *word = site_layers_machine_word(s, &s->machines[i]);

		if (word && strlen(word) > longest)
			longest = strlen(word);
	}
	return longest;
}

static int check_line(const struct site *s, const char *urls, const char *layers,
		      const struct site_version *v, struct fail *f)
{
	size_t layer = strlen(layers) + longest_machine_word(s);
	size_t size = strlen("tarboot.rootfs= ") + strlen(urls) + layer + strlen(of_ipxe) +
		      site_line_longest(v->append) + strlen(of_menu);

	if (size < COMMAND_LINE_MAX)
		return 0;
	if (layer > strlen(urls) && layer > strlen(v->append))
		return fail_set(
			f, E2BIG, "--layer", "Use fewer layers, or fewer --mirror.",
			"the kernel command line may take %zu characters, with the URLs and "
			"digests of the layers; a kernel reads %d",
			size, COMMAND_LINE_MAX - 1);
	return fail_set(f, E2BIG, strlen(urls) > strlen(v->append) ? "--mirror" : "--append",
			"Use a shorter --append, or fewer --mirror.",
			"the kernel command line may take %zu characters, with the URLs of the "
			"root; a kernel reads %d",
			size, COMMAND_LINE_MAX - 1);
}

int site_stream_words(const struct site *s, const char *name, const struct site_version *v,
		      char **ret, struct fail *f)
{
	_cleanup_free_ char *urls = NULL, *layers = NULL;
	char server[IPV4_TEXT_MAX], log[32] = "";
	size_t size;
	FILE *out;
	int r = 0;

	if (!*v->payload) {
		*ret = strdup("");
		return *ret ? 0 : fail_errno(f, ENOMEM, name, "cannot write the menu");
	}
	out = open_memstream(&urls, &size);
	if (out)
		print_urls(out, s, name, v);
	if (!out || fclose(out) != 0)
		return fail_errno(f, ENOMEM, name, "cannot write the menu");
	r = check_urls(urls, f);
	layers = site_layers_words(s, name, v);
	if (r == 0 && !layers)
		r = fail_errno(f, ENOMEM, name, "cannot write the menu");
	if (r == 0)
		r = check_line(s, urls, layers, v, f);
	/* A line that says something else of the network is right: whoever wrote it knows it. */
	if (!has_parameter(v->append, "tarboot.log"))
		snprintf(log, sizeof(log), "tarboot.log=%s ", ipv4_format(server, s->server));
	if (r == 0 && asprintf(ret, "tarboot.rootfs=%s %s%s%s%s", urls, layers,
			       has_parameter(v->append, "ip") ? "" : ip,
			       has_parameter(v->append, "BOOTIF") ? "" : bootif, log) < 0)
		r = fail_errno(f, ENOMEM, name, "cannot write the menu");
	return r;
}

int site_stream_check(const struct site *s, const char *name, const struct site_version *v,
		      struct fail *f)
{
	_cleanup_free_ char *words = NULL;

	return site_stream_words(s, name, v, &words, f);
}
