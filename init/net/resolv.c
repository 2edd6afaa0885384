/* The two files, one of which is a link to the other. */
#include "net/resolv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/read_all.h"
#include "base/util.h"

#define RESOLV FETCH_ROOT "/etc/resolv.conf"
#define OUR_RESOLV "/etc/resolv.conf"
#define KERNELS "/proc/net/pnp"

static void write_text(FILE *out, const struct net_config *dns, const char *nic)
{
	char text[NET_ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < dns->n_dns; i++) {
		bool has_nic = net_address_is_link_local(&dns->dns[i]);

		fprintf(out, "nameserver %s%s%s\n", net_address_format(&dns->dns[i], text),
			has_nic ? "%" : "", has_nic ? nic : "");
	}
	if (*dns->domain)
		fprintf(out, "search %s\n", dns->domain);
	fputs("options timeout:3\n", out);
}

int resolv_write(const struct net_config *dns, const char *nic)
{
	FILE *out;
	int r = 0;

	(void)mkdir(RUN_DIR, 0755);
	(void)mkdir(FETCH_ROOT, 0755);
	(void)mkdir(FETCH_ROOT "/etc", 0755);
	out = fopen(RESOLV ".new", "we");
	if (!out)
		return -errno;
	write_text(out, dns, nic);
	if (fclose(out) != 0 || chmod(RESOLV ".new", 0644) < 0 || rename(RESOLV ".new", RESOLV) < 0)
		r = -errno;
	(void)mkdir("/etc", 0755);
	(void)unlink(OUR_RESOLV);
	if (r == 0 && symlink(RESOLV, OUR_RESOLV) < 0)
		r = -errno;
	return r;
}

void resolv_forget(void)
{
	(void)unlink(OUR_RESOLV);
	(void)unlink(RESOLV);
	(void)rmdir(FETCH_ROOT "/etc");
	(void)rmdir(FETCH_ROOT);
}

/* "nameserver 192.0.2.1", "domain example.org". */
void resolv_read_kernels(struct net_config *c)
{
	_cleanup_free_ char *text = NULL;
	char *state = NULL;
	struct net_address a;
	size_t size;

	if (read_file(KERNELS, &text, &size) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		if (strncmp(line, "nameserver ", 11) == 0 && net_address_parse(line + 11, &a))
			net_config_add_dns(c, &a);
		if (strncmp(line, "domain ", 7) == 0 && strlen(line + 7) < sizeof(c->domain))
			strcpy(c->domain, line + 7);
	}
}
