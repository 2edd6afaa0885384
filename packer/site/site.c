/* Settings, and files that are recognized by a mark. */
#include "site/site.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/host_files.h"
#include "base/out.h"
#include "base/read_all.h"
#include "base/settings.h"
#include "base/util.h"

#define CONFIGURATION "netboot.conf"

/* ---- values ---- */

static const char *set_address(uint32_t *address, const char *value)
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

/* Port 0 would mean any free port, which machines would not know. */
static const char *set_port(unsigned *port, const char *value)
{
	unsigned n;

	if (set_number(&n, value, 65535) || n == 0)
		return "it must be a port from 1 to 65535";
	*port = n;
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

static const char *set_or_forget_url(char url[SITE_TEXT_MAX], const char *value)
{
	if (strcmp(value, "none") != 0)
		return set_url(url, value);
	*url = '\0';
	return NULL;
}

/* "none" forgets all. */
static const char *add_mirror(struct site *s, const char *value)
{
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
static const char *set_directory(char directory[SITE_TEXT_MAX], const char *value)
{
	for (const char *at = value; *at; at++)
		if (iscntrl((unsigned char)*at) || *at == '"')
			return "it must not have double quotes or control characters";
	return snprintf(directory, SITE_TEXT_MAX, "%s", value) < SITE_TEXT_MAX ? NULL
									       : "it is too long";
}

static const char *set_name(char name[SITE_NAME_MAX], const char *value)
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

static const char *set_range(struct site *s, const char *value)
{
	char first[IPV4_TEXT_MAX];
	const char *comma = strchr(value, ',');

	if (!comma || comma - value >= IPV4_TEXT_MAX)
		return "it must be two IPv4 addresses, separated by a comma";
	snprintf(first, sizeof(first), "%.*s", (int)(comma - value), value);
	return ipv4_parse(first, &s->first) && ipv4_parse(comma + 1, &s->last)
		       ? NULL
		       : "it must be two IPv4 addresses, separated by a comma";
}

static const char *set_yes(bool *yes, const char *value)
{
	*yes = strcmp(value, "yes") == 0;
	return *yes || strcmp(value, "no") == 0 ? NULL : "it must be yes or no";
}

struct site_machine *site_find_machine(const struct site *s, const char *mac)
{
	for (size_t i = 0; i < s->n_machines; i++)
		if (strcmp(s->machines[i].mac, mac) == 0)
			return &s->machines[i];
	return NULL;
}

bool site_forget_machine(struct site *s, const char *mac)
{
	struct site_machine *m = site_find_machine(s, mac);

	if (!m)
		return false;
	s->n_machines--;
	memmove(m, m + 1, (size_t)(s->machines + s->n_machines - m) * sizeof(*m));
	return true;
}

struct site_machine *site_find_or_add_machine(struct site *s, const char *mac)
{
	struct site_machine *machines = site_find_machine(s, mac);

	if (machines)
		return machines;
	machines = array_one_more(s->machines, s->n_machines, sizeof(*machines));
	if (!machines)
		return NULL;
	s->machines = machines;
	machines += s->n_machines++;
	*machines = (struct site_machine){ 0 };
	strcpy(machines->mac, mac);
	return machines;
}

/* Finds the machine of a value MAC=REST, or adds it. */
static const char *parse_machine(struct site *s, const char *value, struct site_machine **ret)
{
	char mac[MAC_TEXT_MAX];

	if (!mac_parse(value, strcspn(value, "="), ':', mac))
		return "it must begin with a MAC address, for example 52:54:00:12:34:56=";
	*ret = site_find_or_add_machine(s, mac);
	return *ret ? NULL : "out of memory";
}

/* MAC=ADDRESS[,NAME], or MAC=,NAME */
static const char *set_host(struct site *s, const char *value)
{
	char address[IPV4_TEXT_MAX];
	const char *at, *comma;
	struct site_machine *m;
	const char *wrong = parse_machine(s, value, &m);

	if (wrong)
		return wrong;
	at = value + MAC_TEXT_MAX - 1;
	at += *at == '=';
	comma = at + strcspn(at, ",");
	snprintf(address, sizeof(address), "%.*s", (int)(comma - at), at);
	if (comma == at && *comma)
		return set_host_name(m->name, comma + 1);
	if (comma - at >= IPV4_TEXT_MAX || !ipv4_parse(address, &m->address))
		return "after the = there must be an IPv4 address, for example "
		       "52:54:00:12:34:56=192.168.7.20,pc20";
	return *comma ? set_host_name(m->name, comma + 1) : NULL;
}

/* MAC=ENTRY */
static const char *set_machine_boot(struct site *s, const char *value)
{
	struct site_machine *m;
	const char *wrong = parse_machine(s, value, &m);

	if (wrong)
		return wrong;
	value += MAC_TEXT_MAX - 1;
	return set_name(m->boot, value + (*value == '='));
}

bool site_layer_parse(const char *text, struct site_layer *ret)
{
	size_t length = strcspn(text, "#");
	struct site_layer l = { 0 };
	struct digest unused;

	if (length == 0 || length >= sizeof(l.file) || memchr(text, '/', length) || !text[length] ||
	    digest_parse(text + length + 1, &unused) < 0)
		return false;
	memcpy(l.file, text, length);
	strcpy(l.digest, text + length + 1);
	*ret = l;
	return true;
}

/* MAC=FILE#DIGEST */
static const char *set_machine_layer(struct site *s, const char *value)
{
	struct site_machine *m;
	const char *wrong = parse_machine(s, value, &m);

	if (wrong)
		return wrong;
	value += MAC_TEXT_MAX - 1;
	return site_layer_parse(value + (*value == '='), &m->layer)
		       ? NULL
		       : "it must name a file in http/layers with its digest: give --machine-layer "
			 "MAC=DIR again";
}

const char *site_apply_setting(struct site *s, const char *key, const char *value)
{
	if (strcmp(key, "server") == 0)
		return set_address(&s->server, value);
	if (strcmp(key, "subnet") == 0)
		return subnet_parse(value, &s->subnet)
			       ? NULL
			       : "it must be a subnet of 8 to 30 bits, for example 192.168.7.0/24";
	if (strcmp(key, "range") == 0)
		return set_range(s, value);
	if (strcmp(key, "router") == 0)
		return set_address(&s->router, value);
	if (strcmp(key, "dns") == 0)
		return set_address(&s->dns, value);
	if (strcmp(key, "proxy") == 0)
		return set_yes(&s->proxy, value);
	if (strcmp(key, "http-port") == 0)
		return set_port(&s->port, value);
	if (strcmp(key, "mirror") == 0)
		return add_mirror(s, value);
	if (strcmp(key, "url") == 0)
		return set_or_forget_url(s->url, value);
	if (strcmp(key, "installer") == 0)
		return set_or_forget_url(s->installer, value);
	if (strcmp(key, "ipxe") == 0)
		return set_directory(s->ipxe, value);
	if (strcmp(key, "default") == 0)
		return set_name(s->boot, value);
	if (strcmp(key, "timeout") == 0)
		return set_number(&s->timeout, value, 86400);
	if (strcmp(key, "versions") == 0)
		return set_number(&s->versions, value, 1000);
	if (strcmp(key, "host") == 0)
		return set_host(s, value);
	if (strcmp(key, "boot") == 0)
		return set_machine_boot(s, value);
	if (strcmp(key, "machine-layer") == 0)
		return set_machine_layer(s, value);
	return "unknown setting";
}

void site_init(struct site *s, const char *directory)
{
	*s = (struct site){ .directory = directory, .port = 80, .timeout = 10, .versions = 3 };
	strcpy(s->ipxe, "/usr/lib/ipxe");
}

void site_free(struct site *s)
{
	free(s->machines);
	s->machines = NULL;
}

/* ---- addresses and files ---- */

void site_url(const struct site *s, char ret[SITE_TEXT_MAX])
{
	char address[IPV4_TEXT_MAX];

	if (*s->url)
		strcpy(ret, s->url);
	else if (s->port == 80)
		snprintf(ret, SITE_TEXT_MAX, "http://%s", ipv4_format(address, s->server));
	else
		snprintf(ret, SITE_TEXT_MAX, "http://%s:%u", ipv4_format(address, s->server),
			 s->port);
}

void site_print_urls(FILE *out, const struct site *s, const char *path)
{
	char own[SITE_TEXT_MAX];

	site_url(s, own);
	fprintf(out, "%s/%s", own, path);
	for (size_t i = 0; i < s->n_mirrors; i++)
		fprintf(out, ",%s/%s", s->mirrors[i], path);
}

const char *site_path(const struct site *s, char ret[PATH_MAX], const char *format, ...)
{
	va_list ap;
	int n = snprintf(ret, PATH_MAX, "%s/", s->directory);

	if (n < PATH_MAX) {
		va_start(ap, format);
		vsnprintf(ret + n, (size_t)(PATH_MAX - n), format, ap);
		va_end(ap);
	}
	return ret;
}

/* Creates the parent directories of a path. 1: the last one is new; 0: all existed; -errno. */
static int make_parents(char *path)
{
	int made = 0;

	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		made = mkdir(path, 0755) == 0;
		if (!made && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return made;
}

int site_make_directory(const struct site *s, bool *ret_made, struct fail *f)
{
	char path[PATH_MAX];
	int r;

	(void)site_path(s, path, "%s", "");
	r = make_parents(path);
	*ret_made = r > 0;
	return r < 0 ? fail_errno(f, r, s->directory, "cannot create this directory") : 0;
}

/* Writes a file aside and renames it. */
static int replace(char *full, const void *data, size_t size, struct fail *f)
{
	int r = make_parents(full);

	return r < 0 ? fail_errno(f, r, full, "cannot create its directory")
		     : out_replace(full, OUT_PUBLISHED, data, size, f);
}

int site_replace(const struct site *s, const char *path, const void *data, size_t size,
		 struct fail *f)
{
	_cleanup_free_ char *old = NULL;
	char full[PATH_MAX];
	size_t old_size;

	if (read_file(site_path(s, full, "%s", path), &old, &old_size) == 0 && old_size == size &&
	    memcmp(old, data, size) == 0)
		return 0;
	return replace(full, data, size, f);
}

bool site_owns(const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	return read_file(path, &text, &size) == 0 && strstr(text, SITE_MARK);
}

int site_write(const struct site *s, const char *path, const char *text, struct fail *f)
{
	_cleanup_free_ char *old = NULL;
	char full[PATH_MAX];
	size_t size;
	int r = read_file(site_path(s, full, "%s", path), &old, &size);

	if (r < 0 && r != -ENOENT)
		return fail_errno(f, r, full, "cannot read it");
	if (r == 0 && !strstr(old, SITE_MARK))
		return fail_set(f, EEXIST, full, "Move it away, or use another directory.",
				"it was not written by tarboot, so it is not overwritten");
	return r == 0 && strcmp(old, text) == 0 ? 0 : replace(full, text, strlen(text), f);
}

int site_print(const struct site *s, const char *path, void (*print)(FILE *out, const void *arg),
	       const void *arg, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out)
		print(out, arg);
	if (!out || fclose(out) != 0)
		return fail_errno(f, ENOMEM, path, "cannot write it");
	return site_write(s, path, text, f);
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

static void print_address(FILE *out, const char *key, uint32_t address)
{
	char text[IPV4_TEXT_MAX];

	if (address)
		fprintf(out, "%s = %s\n", key, ipv4_format(text, address));
}

static void print_text_setting(FILE *out, const char *key, const char *text)
{
	if (*text)
		setting_print(out, key, text);
}

static void print_settings(FILE *out, const void *site)
{
	const struct site *s = site;
	char a[IPV4_TEXT_MAX], b[IPV4_TEXT_MAX];
	const struct site_machine *m;

	fprintf(out, "# " SITE_MARK
		     ", with the names of its options. It is read and written again by each\n"
		     "# `tarboot netboot -o`, so change it here or there; comments do not stay.\n");
	print_address(out, "server", s->server);
	if (s->subnet.bits)
		fprintf(out, "subnet = %s/%u\n", ipv4_format(a, s->subnet.address), s->subnet.bits);
	if (s->first)
		fprintf(out, "range = %s,%s\n", ipv4_format(a, s->first), ipv4_format(b, s->last));
	print_address(out, "router", s->router);
	print_address(out, "dns", s->dns);
	fprintf(out, "proxy = %s\nhttp-port = %u\n", s->proxy ? "yes" : "no", s->port);
	print_text_setting(out, "url", s->url);
	for (size_t i = 0; i < s->n_mirrors; i++)
		setting_print(out, "mirror", s->mirrors[i]);
	print_text_setting(out, "ipxe", s->ipxe);
	print_text_setting(out, "installer", s->installer);
	print_text_setting(out, "default", s->boot);
	fprintf(out, "timeout = %u\nversions = %u\n", s->timeout, s->versions);
	for (m = s->machines; m < s->machines + s->n_machines; m++) {
		if (m->address || *m->name)
			fprintf(out, "host = %s=%s%s%s\n", m->mac,
				m->address ? ipv4_format(a, m->address) : "", *m->name ? "," : "",
				m->name);
		if (*m->boot)
			fprintf(out, "boot = %s=%s\n", m->mac, m->boot);
		if (*m->layer.file)
			fprintf(out, "machine-layer = %s=%s#%s\n", m->mac, m->layer.file,
				m->layer.digest);
	}
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

/* Two programs at the same time would delete each other's versions, and lose each other's settings. */
int site_lock(const struct site *s, int *ret_fd, struct fail *f)
{
	_cleanup_close_ int fd = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(f, errno, s->directory, "cannot open it");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail_set(f, errno, s->directory, "Wait until it is done.",
				"another tarboot is changing it");
	*ret_fd = take_fd(&fd);
	return 0;
}

const char *site_file_of(const char *image)
{
	const char *slash = strrchr(image, '/');

	return slash ? slash + 1 : image;
}
