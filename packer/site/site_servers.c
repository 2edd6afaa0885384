/* The files in config/. */
#include "site/site_servers.h"

#include <stdlib.h>
#include <string.h>

#include "site/site_dhcp.h"
#include "site/site_file.h"
#include "site/site_http.h"
#include "site/site_units.h"

static const struct server_file {
	const char *name;
	void (*print)(const struct site_config *c); /* NULL: it is a unit */
	const char *comment;                        /* what starts a comment */
	bool gives_addresses;              /* not useful if another DHCP server assigns them */
	const char *what, *command, *read; /* of a unit, for site_units_print() */
} files[] = {
	{ SITE_DNSMASQ_HOSTS, site_dhcp_print_dnsmasq_hosts, .comment = "#",
	  .gives_addresses = true },
	{ "dnsmasq.conf", site_dhcp_print_dnsmasq, .comment = "#" },
	{ "dhcpd.conf", site_dhcp_print_dhcpd, .comment = "#", .gives_addresses = true },
	{ "kea-dhcp4.conf", site_dhcp_print_kea, .comment = "//", .gives_addresses = true },
	{ "nginx-site.conf", site_http_print_nginx_site, .comment = "#" },
	{ "nginx.conf", site_http_print_nginx, .comment = "#" },
	{ "apache.conf", site_http_print_apache, .comment = "#" },
	{ "lighttpd.conf", site_http_print_lighttpd, .comment = "#" },
	{ "tarboot-dnsmasq.service", NULL, "#", false, "DHCP and TFTP", "/usr/sbin/dnsmasq -k -C",
	  "/config/dnsmasq.conf" },
	{ "tarboot-dhcpd.service", NULL, "#", true, "DHCP", "/usr/sbin/dhcpd -f -4 -cf",
	  "/config/dhcpd.conf" },
	{ "tarboot-kea.service", NULL, "#", true, "DHCP", "/usr/sbin/kea-dhcp4 -c",
	  "/config/kea-dhcp4.conf" },
	{ "tarboot-nginx.service", NULL, "#", false, "HTTP", "/usr/sbin/nginx -g 'daemon off;' -c",
	  "/config/nginx.conf" },
	{ "tarboot-apache.service", NULL, "#", false, "HTTP", "/usr/sbin/apache2 -D FOREGROUND -f",
	  "/config/apache.conf" },
	{ "tarboot-lighttpd.service", NULL, "#", false, "HTTP", "/usr/sbin/lighttpd -D -f",
	  "/config/lighttpd.conf" },
	{ "tarboot-serve.service", NULL, "#", false, "DHCP, TFTP and HTTP", NULL, "" },
};

struct job {
	const struct server_file *file;
	struct site_config config;
};

static void fill(struct site_config *c, const struct site *s)
{
	uint32_t first = 0, last = 0;

	(void)site_range(s, &first, &last); /* with proxy there may be none, and none is used */
	*c = (struct site_config){ .site = s };
	if (!realpath(s->directory, c->directory))
		snprintf(c->directory, sizeof(c->directory), "%s", s->directory);
	if (!realpath("/proc/self/exe", c->tarboot))
		strcpy(c->tarboot, "/usr/bin/tarboot");
	site_url(s, c->url);
	c->n_firmware = firmware_served(s, c->firmware);
	ipv4_format(c->server, s->server);
	ipv4_format(c->network, s->subnet.address);
	ipv4_format(c->mask, subnet_mask(&s->subnet));
	ipv4_format(c->first, first);
	ipv4_format(c->last, last);
	if (s->router)
		ipv4_format(c->router, s->router);
	if (s->dns)
		ipv4_format(c->dns, s->dns);
}

static void print_file(FILE *out, const void *job)
{
	const struct server_file *file = ((const struct job *)job)->file;
	struct site_config c = ((const struct job *)job)->config;

	c.out = out;
	fprintf(out, "%s " SITE_MARK "\n", file->comment);
	if (file->print)
		file->print(&c);
	else
		site_units_print(&c, file->what, file->command, file->read);
}

int site_servers_write(const struct site *s, struct fail *f)
{
	struct job job;
	char path[64];
	int r = 0;

	fill(&job.config, s);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		job.file = &files[i];
		snprintf(path, sizeof(path), "config/%s", files[i].name);
		if (!s->proxy || !files[i].gives_addresses)
			r = site_print(s, path, print_file, &job, f);
	}
	return r;
}
