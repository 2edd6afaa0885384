/* What is known of a site and its machines; the lock of its directory. */
#include "site/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

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

/* ---- machines ---- */

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

/* ---- URLs ---- */

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

/* ---- the lock ---- */

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
