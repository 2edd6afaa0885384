/* A line for each: when it ends, MAC, address, name, id of the client. */
#include "site/site_leases.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fields.h"
#include "base/read_all.h"
#include "site/site_file.h"

#define LEASES "dnsmasq.leases"

static bool is_of_another(const struct site *s, const char *line, size_t size)
{
	char text[160], mac[32], ip[32];
	uint32_t address;

	snprintf(text, sizeof(text), "%.*s", (int)size, line);
	if (sscanf(text, "%*s %31s %31s", mac, ip) != 2 || !ipv4_parse(ip, &address))
		return false;
	for (size_t i = 0; i < s->n_machines; i++)
		if (s->machines[i].address == address)
			return strcmp(s->machines[i].mac, mac) != 0;
	return false;
}

int site_leases_prune(const struct site *s, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	const char *at, *start;
	struct field line;
	size_t size, kept = 0;
	int r = read_file(site_path(s, path, LEASES), &text, &size);

	if (r < 0)
		return r == -ENOENT ? 0 : fail_errno(f, r, path, "cannot read it");
	for (at = start = text; line_next(&at, text + size, &line); start = at) {
		if (is_of_another(s, line.at, line.size))
			continue;
		memmove(text + kept, start, (size_t)(at - start));
		kept += (size_t)(at - start);
	}
	return kept == size ? 0 : site_replace(s, LEASES, text, kept, f);
}
