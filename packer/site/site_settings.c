/* A value is checked where it is set, whether it comes from netboot.conf or from the command line. */
#include "site/site_settings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/host_files.h"
#include "base/settings.h"
#include "site/site_file.h"

#define CONFIGURATION "netboot.conf"

/* ---- values ---- */

static const char *set_address(void *address, const char *value)
{
	return ipv4_parse(value, address) ? NULL
					  : "it must be an IPv4 address, for example 192.168.7.1";
}

static const char *set_number(unsigned *number, const char *value, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || n > most)
		return "it must be a number, and smaller";
	*number = (unsigned)n;
	return NULL;
}

static const char *set_timeout(void *seconds, const char *value)
{
	return set_number(seconds, value, 86400);
}

static const char *set_versions(void *versions, const char *value)
{
	return set_number(versions, value, 1000);
}

/* Port 0 would mean any free port, which machines would not know. */
static const char *set_port(void *port, const char *value)
{
	unsigned n;

	if (set_number(&n, value, 65535) || n == 0)
		return "it must be a port from 1 to 65535";
	*(unsigned *)port = n;
	return NULL;
}

static const char *set_url(char url[SITE_TEXT_MAX], const char *value)
{
	if (!text_is_plain(value) ||
	    (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0))
		return "it must be a URL that begins with http:// or https://";
	if (strlen(value) >= SITE_TEXT_MAX)
		return "it is too long: at most 255 characters";
	if (strpbrk(value, " ,\"\\"))
		return "it must not have spaces, commas, double quotes and backslashes (%20, %2C, "
		       "%22 and %5C stand for them)";
	if (strchr("/:?", *(strstr(value, "://") + 3))) /* or nothing follows */
		return "it names no server";
	if (strchr(value, '?'))
		return "it must not have ?: names of files are added to its path";
	strcpy(url, value);
	while (*url && url[strlen(url) - 1] == '/')
		url[strlen(url) - 1] = '\0';
	return NULL;
}

static const char *set_or_forget_url(void *url, const char *value)
{
	if (strcmp(value, "none") != 0)
		return set_url(url, value);
	*(char *)url = '\0';
	return NULL;
}

/* "none" forgets all. */
static const char *add_mirror(void *site, const char *value)
{
	struct site *s = site;
	char url[SITE_TEXT_MAX];
	static struct fail f; /* what is returned stands in it */
	const char *wrong;
	struct url u;

	if (strcmp(value, "none") == 0) {
		s->n_mirrors = 0;
		return NULL;
	}
	if (strncmp(value, "http://", 7) != 0)
		return "it must begin with http://: the machine fetches without TLS, and checks "
		       "what comes";
	if (strstr(value, "${"))
		return "it must not have ${: the machine fetches from it as it stands";
	wrong = set_url(url, value);
	if (wrong)
		return wrong;
	if (url_parse(url, &u, &f) < 0)
		return f.why;
	for (size_t i = 0; i < s->n_mirrors; i++)
		if (strcmp(s->mirrors[i], url) == 0)
			return NULL;
	if (s->n_mirrors == SITE_MIRRORS_MAX)
		return "there are as many already as a machine can try; --mirror none forgets them";
	strcpy(s->mirrors[s->n_mirrors++], url);
	return NULL;
}

/* It must fit into one line of netboot.conf, in double quotes if needed. */
static const char *set_directory(void *directory, const char *value)
{
	for (const char *at = value; *at; at++)
		if (iscntrl((unsigned char)*at) || *at == '"')
			return "it must not have double quotes or control characters";
	return snprintf(directory, SITE_TEXT_MAX, "%s", value) < SITE_TEXT_MAX ? NULL
									       : "it is too long";
}

static const char *set_name(void *name, const char *value)
{
	if (!name_is_plain(value))
		return "it must be a name: letters, digits, - and _, at most 32";
	strcpy(name, value);
	return NULL;
}

static const char *set_host_name(char name[SITE_NAME_MAX], const char *value)
{
	if (!host_name_is_plain(value))
		return "it must be a machine's name: letters, digits and inner -, at most 32, and "
		       "no number or time, as 7 or 12h";
	strcpy(name, value);
	return NULL;
}

static const char *set_range(void *site, const char *value)
{
	struct site *s = site;
	char first[IPV4_TEXT_MAX];
	const char *comma = strchr(value, ',');

	if (!comma || comma - value >= IPV4_TEXT_MAX)
		return "it must be two IPv4 addresses, separated by a comma";
	snprintf(first, sizeof(first), "%.*s", (int)(comma - value), value);
	return ipv4_parse(first, &s->first) && ipv4_parse(comma + 1, &s->last)
		       ? NULL
		       : "it must be two IPv4 addresses, separated by a comma";
}

static const char *set_subnet(void *subnet, const char *value)
{
	return subnet_parse(value, subnet)
		       ? NULL
		       : "it must be a subnet of 8 to 30 bits, for example 192.168.7.0/24";
}

static const char *set_yes(void *yes, const char *value)
{
	bool is_yes = strcmp(value, "yes") == 0;

	*(bool *)yes = is_yes;
	return is_yes || strcmp(value, "no") == 0 ? NULL : "it must be yes or no";
}

/* ---- how they are printed ---- */

static void print_address(FILE *out, const char *key, const void *address)
{
	uint32_t a = *(const uint32_t *)address;
	char text[IPV4_TEXT_MAX];

	if (a)
		fprintf(out, "%s = %s\n", key, ipv4_format(text, a));
}

static void print_subnet(FILE *out, const char *key, const void *subnet)
{
	const struct subnet *s = subnet;
	char text[IPV4_TEXT_MAX];

	if (s->bits)
		fprintf(out, "%s = %s/%u\n", key, ipv4_format(text, s->address), s->bits);
}

static void print_range(FILE *out, const char *key, const void *site)
{
	const struct site *s = site;
	char a[IPV4_TEXT_MAX], b[IPV4_TEXT_MAX];

	if (s->first)
		fprintf(out, "%s = %s,%s\n", key, ipv4_format(a, s->first),
			ipv4_format(b, s->last));
}

static void print_yes(FILE *out, const char *key, const void *yes)
{
	fprintf(out, "%s = %s\n", key, *(const bool *)yes ? "yes" : "no");
}

static void print_number(FILE *out, const char *key, const void *number)
{
	fprintf(out, "%s = %u\n", key, *(const unsigned *)number);
}

static void print_text(FILE *out, const char *key, const void *text)
{
	if (*(const char *)text)
		setting_print(out, key, text);
}

static void print_mirrors(FILE *out, const char *key, const void *site)
{
	const struct site *s = site;

	for (size_t i = 0; i < s->n_mirrors; i++)
		setting_print(out, key, s->mirrors[i]);
}

/* ---- all of them, in the order of netboot.conf ---- */

#define FIELD(name) offsetof(struct site, name)

static const struct {
	const char *key;
	size_t field; /* where it is in struct site; 0: it is more than one field of that */
	const char *(*set)(void *field, const char *value);
	void (*print)(FILE *out, const char *key, const void *field);
} site_settings[] = {
	{ "server", FIELD(server), set_address, print_address },
	{ "subnet", FIELD(subnet), set_subnet, print_subnet },
	{ "range", 0, set_range, print_range },
	{ "router", FIELD(router), set_address, print_address },
	{ "dns", FIELD(dns), set_address, print_address },
	{ "proxy", FIELD(proxy), set_yes, print_yes },
	{ "http-port", FIELD(port), set_port, print_number },
	{ "url", FIELD(url), set_or_forget_url, print_text },
	{ "mirror", 0, add_mirror, print_mirrors },
	{ "ipxe", FIELD(ipxe), set_directory, print_text },
	{ "installer", FIELD(installer), set_or_forget_url, print_text },
	{ "default", FIELD(boot), set_name, print_text },
	{ "timeout", FIELD(timeout), set_timeout, print_number },
	{ "versions", FIELD(versions), set_versions, print_number },
};

/* ---- of single machines: MAC=VALUE ---- */

/* ADDRESS[,NAME], or ,NAME */
static const char *set_host(struct site_machine *m, const char *value)
{
	char address[IPV4_TEXT_MAX];
	const char *comma = value + strcspn(value, ",");

	snprintf(address, sizeof(address), "%.*s", (int)(comma - value), value);
	if (comma == value && *comma)
		return set_host_name(m->name, comma + 1);
	if (comma - value >= IPV4_TEXT_MAX || !ipv4_parse(address, &m->address))
		return "after the = there must be an IPv4 address, for example "
		       "52:54:00:12:34:56=192.168.7.20,pc20";
	return *comma ? set_host_name(m->name, comma + 1) : NULL;
}

static const char *set_boot(struct site_machine *m, const char *value)
{
	return set_name(m->boot, value);
}

/* FILE#DIGEST */
static const char *set_layer(struct site_machine *m, const char *value)
{
	return site_layer_parse(value, &m->layer)
		       ? NULL
		       : "it must name a file in http/layers with its digest: give --machine-layer "
			 "MAC=DIR again";
}

static void print_host(FILE *out, const char *key, const struct site_machine *m)
{
	char address[IPV4_TEXT_MAX];

	if (m->address || *m->name)
		fprintf(out, "%s = %s=%s%s%s\n", key, m->mac,
			m->address ? ipv4_format(address, m->address) : "", *m->name ? "," : "",
			m->name);
}

static void print_boot(FILE *out, const char *key, const struct site_machine *m)
{
	if (*m->boot)
		fprintf(out, "%s = %s=%s\n", key, m->mac, m->boot);
}

static void print_layer(FILE *out, const char *key, const struct site_machine *m)
{
	if (*m->layer.file)
		fprintf(out, "%s = %s=%s#%s\n", key, m->mac, m->layer.file, m->layer.digest);
}

static const struct machine_setting {
	const char *key;
	const char *(*set)(struct site_machine *m, const char *value);
	void (*print)(FILE *out, const char *key, const struct site_machine *m);
} machine_settings[] = {
	{ "host", set_host, print_host },
	{ "boot", set_boot, print_boot },
	{ "machine-layer", set_layer, print_layer },
};

/* A machine that is not known is added. */
static const char *set_of_machine(struct site *s, const struct machine_setting *setting,
				  const char *value)
{
	char mac[MAC_TEXT_MAX];
	struct site_machine *m;

	if (!mac_parse(value, strcspn(value, "="), ':', mac))
		return "it must begin with a MAC address, for example 52:54:00:12:34:56=";
	m = site_find_or_add_machine(s, mac);
	if (!m)
		return "out of memory";
	value += MAC_TEXT_MAX - 1;
	return setting->set(m, value + (*value == '='));
}

/* ---- one, or all ---- */

const char *site_apply_setting(struct site *s, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(site_settings); i++)
		if (strcmp(key, site_settings[i].key) == 0)
			return site_settings[i].set((char *)s + site_settings[i].field, value);
	for (size_t i = 0; i < ARRAY_SIZE(machine_settings); i++)
		if (strcmp(key, machine_settings[i].key) == 0)
			return set_of_machine(s, &machine_settings[i], value);
	return "unknown setting";
}

static void print_settings(FILE *out, const void *site)
{
	const struct site *s = site;

	fprintf(out, "# " SITE_MARK
		     ", with the names of its options. It is read and written again by each\n"
		     "# `tarboot netboot -o`, so change it here or there; comments do not stay.\n");
	for (size_t i = 0; i < ARRAY_SIZE(site_settings); i++)
		site_settings[i].print(out, site_settings[i].key,
				       (const char *)s + site_settings[i].field);
	for (size_t m = 0; m < s->n_machines; m++)
		for (size_t i = 0; i < ARRAY_SIZE(machine_settings); i++)
			machine_settings[i].print(out, machine_settings[i].key, &s->machines[m]);
}

/* ---- netboot.conf ---- */

static int is_entry(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int check_empty(const struct site *s, bool claim, struct fail *f)
{
	struct dirent **entries = NULL;
	int n = scandir(s->directory, &entries, is_entry, NULL);

	if (n < 0 && errno == ENOENT && claim)
		return 0;
	if (n < 0)
		return fail_errno(f, errno, s->directory, "cannot read it");
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	if (n == 0 && claim)
		return 0;
	return fail_set(f, EEXIST, s->directory,
			claim ? "Give an empty directory, or a new name."
			      : "Make it with `tarboot netboot`.",
			"it was not made by tarboot netboot (there is no " CONFIGURATION ")");
}

static int load_line(struct site *s, const struct setting *line, const char *path, struct fail *f)
{
	const char *wrong = line->wrong;

	if (!wrong)
		wrong = line->value ? site_apply_setting(s, line->name, line->value)
				    : "there is no =";
	return wrong ? setting_fail(f, path, line, wrong) : 0;
}

int site_load(struct site *s, bool claim, struct fail *f)
{
	char path[PATH_MAX];
	_cleanup_settings_ struct settings lines = { 0 };
	struct setting line;
	int r = settings_open(site_path(s, path, CONFIGURATION), &lines, f);

	if (r == -ENOENT)
		return check_empty(s, claim, f);
	while (r == 0 && settings_next(&lines, &line))
		r = load_line(s, &line, path, f);
	return r;
}

int site_save(const struct site *s, struct fail *f)
{
	return site_print(s, CONFIGURATION, print_settings, s, f);
}

int site_claim(const struct site *s, bool *ret_new, struct fail *f)
{
	char path[PATH_MAX];
	struct site none;

	*ret_new = access(site_path(s, path, CONFIGURATION), F_OK) < 0;
	if (!*ret_new)
		return 0;
	site_init(&none, s->directory);
	return site_save(&none, f);
}

void site_unclaim(const struct site *s)
{
	char path[PATH_MAX];

	(void)host_remove_tree(site_path(s, path, "http"));
	(void)rmdir(site_path(s, path, "tftp"));
	(void)unlink(site_path(s, path, CONFIGURATION));
}
