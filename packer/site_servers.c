/*
 * What they all do: firmware gets iPXE by TFTP (by HTTP where it asks for that), iPXE, which names itself in the user
 * class, gets the menu, so the chain cannot loop. Architectures are those of RFC 4578: 0 BIOS, 7 and 9 UEFI x86-64,
 * 16 UEFI x86-64 by HTTP.
 */
#include "site_servers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

#define LEASE 43200 /* seconds */
#define ADDRESSES_MAX 200

struct servers;

struct server_file {
	const char *name;
	void (*print)(const struct servers *v);
	const char *comment;  /* what begins one in it */
	bool gives_addresses; /* is of no use beside another DHCP server */
	const char *what, *command,
		*read; /* of a unit: the file in the directory that the command reads */
};

struct servers {
	FILE *out;
	const struct server_file *file;
	const struct site *site;
	char directory[PATH_MAX]; /* absolute */
	char url[SITE_TEXT_MAX];
	char server[IPV4_TEXT_MAX], network[IPV4_TEXT_MAX], mask[IPV4_TEXT_MAX];
	char first[IPV4_TEXT_MAX], last[IPV4_TEXT_MAX];
	char router[IPV4_TEXT_MAX], dns[IPV4_TEXT_MAX]; /* "" = none */
};

/* The first and last address that DHCP gives: those set, or in the upper half of the subnet, at most 200, without the
 * server's. */
static void choose_range(const struct site *s, uint32_t *first, uint32_t *last)
{
	uint32_t hosts = ~subnet_mask(&s->subnet), lowest = s->subnet.address + hosts / 2 + 1,
		 highest = s->subnet.address + hosts - 1;

	if (s->first) {
		*first = s->first;
		*last = s->last;
		return;
	}
	if (lowest > highest)
		lowest = s->subnet.address + 1;
	if (highest - lowest >= ADDRESSES_MAX)
		lowest = highest - ADDRESSES_MAX + 1;
	if (s->server == lowest)
		lowest++;
	else if (s->server > lowest && s->server <= highest)
		highest = s->server - 1;
	*first = lowest;
	*last = highest;
}

/* ---- DHCP ---- */

static void dnsmasq_addresses(const struct servers *v)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];

	if (v->site->proxy) {
		fprintf(v->out,
			"dhcp-range=%s,proxy,%s\n"
			"pxe-service=tag:!ipxe,x86PC,\"tarboot\",undionly.kpxe,%s\n"
			"pxe-service=tag:!ipxe,X86-64_EFI,\"tarboot\",ipxe.efi,%s\n"
			"pxe-service=tag:!ipxe,BC_EFI,\"tarboot\",ipxe.efi,%s\n"
			"pxe-prompt=\"tarboot\",0\n",
			v->network, v->mask, v->server, v->server, v->server);
		return;
	}
	fprintf(v->out, "dhcp-authoritative\ndhcp-range=%s,%s,%s,%u\n", v->first, v->last, v->mask,
		LEASE);
	fprintf(v->out, "dhcp-option=option:router%s%s\n", *v->router ? "," : "", v->router);
	fprintf(v->out, "dhcp-option=option:dns-server%s%s\n", *v->dns ? "," : "", v->dns);
	for (m = v->site->machines; m < v->site->machines + v->site->n_machines; m++)
		if (m->address)
			fprintf(v->out, "dhcp-host=%s,%s%s%s\n", m->mac,
				ipv4_format(address, m->address), *m->name ? "," : "", m->name);
}

static void print_dnsmasq(const struct servers *v)
{
	fprintf(v->out,
		"# dnsmasq -k -C %s/config/dnsmasq.conf\n"
		"# %s\n"
		"port=0\nlisten-address=%s\nbind-interfaces\nlog-dhcp\n"
		"enable-tftp\ntftp-root=%s/tftp\n"
		"dhcp-leasefile=%s/dnsmasq.leases\n",
		v->directory,
		v->site->proxy ? "Beside a DHCP server that gives the addresses (proxy DHCP)."
			       : "DHCP and TFTP for all of the subnet: there must be no other.",
		v->server, v->directory, v->directory);
	dnsmasq_addresses(v);
	fprintf(v->out,
		"dhcp-userclass=set:ipxe,iPXE\n"
		"dhcp-match=set:efi,option:client-arch,7\n"
		"dhcp-match=set:efi,option:client-arch,9\n"
		"dhcp-match=set:web,option:client-arch,16\n"
		"dhcp-boot=tag:!ipxe,tag:!efi,tag:!web,undionly.kpxe,,%s\n"
		"dhcp-boot=tag:!ipxe,tag:efi,ipxe.efi,,%s\n"
		"dhcp-boot=tag:!ipxe,tag:web,%s/ipxe.efi,,%s\n"
		"dhcp-option-force=tag:!ipxe,tag:web,60,HTTPClient\n"
		"dhcp-boot=tag:ipxe,%s/menu.ipxe,,%s\n",
		v->server, v->server, v->url, v->server, v->url, v->server);
}

static void dhcpd_hosts(const struct servers *v)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];

	for (m = v->site->machines; m < v->site->machines + v->site->n_machines; m++)
		if (m->address && *m->name)
			fprintf(v->out,
				"host %s {\n\thardware ethernet %s;\n\tfixed-address %s;\n"
				"\toption host-name \"%s\";\n}\n",
				m->name, m->mac, ipv4_format(address, m->address), m->name);
		else if (m->address)
			fprintf(v->out,
				"host machine%zu {\n\thardware ethernet %s;\n\tfixed-address "
				"%s;\n}\n",
				(size_t)(m - v->site->machines) + 1, m->mac,
				ipv4_format(address, m->address));
}

static void print_dhcpd(const struct servers *v)
{
	fprintf(v->out,
		"# ISC dhcpd: /etc/dhcp/dhcpd.conf. TFTP of %s/tftp by another program.\n"
		"authoritative;\n"
		"option client-arch code 93 = unsigned integer 16;\n"
		"subnet %s netmask %s {\n\trange %s %s;\n\tdefault-lease-time "
		"%u;\n\tmax-lease-time %u;\n",
		v->directory, v->network, v->mask, v->first, v->last, LEASE, 2 * LEASE);
	if (*v->router)
		fprintf(v->out, "\toption routers %s;\n", v->router);
	if (*v->dns)
		fprintf(v->out, "\toption domain-name-servers %s;\n", v->dns);
	fprintf(v->out,
		"\tnext-server %s;\n"
		"\tif exists user-class and option user-class = \"iPXE\" {\n"
		"\t\tfilename \"%s/menu.ipxe\";\n"
		"\t} elsif option client-arch = 00:10 {\n"
		"\t\toption vendor-class-identifier \"HTTPClient\";\n"
		"\t\tfilename \"%s/ipxe.efi\";\n"
		"\t} elsif option client-arch = 00:07 or option client-arch = 00:09 {\n"
		"\t\tfilename \"ipxe.efi\";\n"
		"\t} else {\n"
		"\t\tfilename \"undionly.kpxe\";\n"
		"\t}\n}\n",
		v->server, v->url, v->url);
	dhcpd_hosts(v);
}

static void kea_options(const struct servers *v)
{
	fprintf(v->out, "        \"option-data\": [");
	if (*v->router)
		fprintf(v->out, " { \"name\": \"routers\", \"data\": \"%s\" }%s", v->router,
			*v->dns ? "," : "");
	if (*v->dns)
		fprintf(v->out, " { \"name\": \"domain-name-servers\", \"data\": \"%s\" }", v->dns);
	fprintf(v->out, " ],\n");
}

static void kea_hosts(const struct servers *v)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];
	const char *comma = "";

	fprintf(v->out, "        \"reservations\": [");
	for (m = v->site->machines; m < v->site->machines + v->site->n_machines; m++) {
		if (!m->address)
			continue;
		fprintf(v->out, "%s\n          { \"hw-address\": \"%s\", \"ip-address\": \"%s\"",
			comma, m->mac, ipv4_format(address, m->address));
		if (*m->name)
			fprintf(v->out, ", \"hostname\": \"%s\"", m->name);
		fprintf(v->out, " }");
		comma = ",";
	}
	fprintf(v->out, " ]\n");
}

static void kea_class(const struct servers *v, const char *name, const char *test,
		      const char *before, const char *file, const char *more)
{
	fprintf(v->out,
		"      { \"name\": \"%s\", \"test\": \"%s\",\n"
		"        \"next-server\": \"%s\", \"boot-file-name\": \"%s%s\"%s }",
		name, test, v->server, before, file, more);
}

static void print_kea(const struct servers *v)
{
	fprintf(v->out,
		"// Kea: /etc/kea/kea-dhcp4.conf; name the interface. TFTP of %s/tftp by another "
		"program.\n"
		"{\n  \"Dhcp4\": {\n"
		"    \"interfaces-config\": { \"interfaces\": [ \"*\" ] },\n"
		"    \"lease-database\": { \"type\": \"memfile\" },\n"
		"    \"valid-lifetime\": %u,\n    \"client-classes\": [\n",
		v->directory, LEASE);
	kea_class(v, "ipxe", "substring(option[77].hex,0,4) == 'iPXE'", v->url, "/menu.ipxe", "");
	fprintf(v->out, ",\n");
	kea_class(v, "web", "not member('ipxe') and option[93].hex == 0x0010", v->url, "/ipxe.efi",
		  ",\n        \"option-data\": [ { \"name\": \"vendor-class-identifier\", "
		  "\"data\": \"HTTPClient\" } ]");
	fprintf(v->out, ",\n");
	kea_class(v, "efi",
		  "not member('ipxe') and (option[93].hex == 0x0007 or option[93].hex == 0x0009)",
		  "", "ipxe.efi", "");
	fprintf(v->out, ",\n");
	kea_class(v, "bios", "not member('ipxe') and not member('web') and not member('efi')", "",
		  "undionly.kpxe", "");
	fprintf(v->out,
		"\n    ],\n    \"subnet4\": [\n      {\n        \"id\": 1, \"subnet\": \"%s/%u\",\n"
		"        \"pools\": [ { \"pool\": \"%s - %s\" } ],\n",
		v->network, v->site->subnet.bits, v->first, v->last);
	kea_options(v);
	kea_hosts(v);
	fprintf(v->out, "      }\n    ]\n  }\n}\n");
}

/* ---- HTTP ---- */

/* The site alone, for a web server that is there, and for `tarboot serve`. */
static void print_nginx_site(const struct servers *v)
{
	fprintf(v->out,
		"# /etc/nginx/sites-enabled/tarboot, or by nginx.conf beside this file\n"
		"server {\n\tlisten %s:%u;\n\troot %s/http;\n"
		"\tsendfile on;\n\ttcp_nopush on;\n\tdefault_type application/octet-stream;\n"
		"\tlocation = /menu.ipxe { add_header Cache-Control no-cache; }\n}\n",
		v->server, v->site->port, v->directory);
}

static void print_nginx(const struct servers *v)
{
	fprintf(v->out,
		"# nginx -c %s/config/nginx.conf\n"
		"worker_processes auto;\npid /run/tarboot-nginx.pid;\n"
		"events { worker_connections 4096; }\n"
		"http { include %s/config/nginx-site.conf; }\n",
		v->directory, v->directory);
}

/* Of what stands in IfModule, a web server that is there has its own. */
static void print_apache(const struct servers *v)
{
	fprintf(v->out,
		"# apache2 -f %s/config/apache.conf, or /etc/apache2/sites-enabled/tarboot.conf\n"
		"<IfModule !authz_core_module>\n"
		"\tLoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
		"\tLoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
		"\tServerRoot /etc/apache2\n\tServerName %s\n\tUser www-data\n\tGroup www-data\n"
		"\tPidFile /run/tarboot-apache.pid\n\tDefaultRuntimeDir /run\n\tErrorLog "
		"/dev/stderr\n"
		"</IfModule>\n"
		"Listen %s:%u\n"
		"<VirtualHost %s:%u>\n\tServerName %s\n\tDocumentRoot \"%s/http\"\n"
		"\t<Directory \"%s/http\">\n\t\tOptions FollowSymLinks\n\t\tAllowOverride None\n"
		"\t\tRequire all granted\n\t\tEnableSendfile On\n\t</Directory>\n</VirtualHost>\n",
		v->directory, v->server, v->server, v->site->port, v->server, v->site->port,
		v->server, v->directory, v->directory);
}

static void print_lighttpd(const struct servers *v)
{
	fprintf(v->out,
		"# lighttpd -D -f %s/config/lighttpd.conf\n"
		"server.bind = \"%s\"\nserver.port = %u\nserver.document-root = \"%s/http\"\n"
		"server.network-backend = \"sendfile\"\n"
		"mimetype.assign = ( \"\" => \"application/octet-stream\" )\n",
		v->directory, v->server, v->site->port, v->directory);
}

/* ---- systemd ---- */

/* The directory stands between command and file. */
static void print_unit(const struct servers *v)
{
	fprintf(v->out,
		"# /etc/systemd/system/; the program's own unit must be off\n"
		"[Unit]\nDescription=%s for tarboot\nWants=network-online.target\n"
		"After=network-online.target\n\n"
		"[Service]\nExecStart=%s %s%s\nRestart=on-failure\n\n"
		"[Install]\nWantedBy=multi-user.target\n",
		v->file->what, v->file->command, v->directory, v->file->read);
}

/* ---- all of them ---- */

static int fill(struct servers *v, const struct site *s, struct fail *f)
{
	uint32_t first, last;

	choose_range(s, &first, &last);
	*v = (struct servers){ .site = s };
	if (!realpath(s->directory, v->directory))
		snprintf(v->directory, sizeof(v->directory), "%s", s->directory);
	site_url(s, v->url);
	ipv4_format(v->server, s->server);
	ipv4_format(v->network, s->subnet.address);
	ipv4_format(v->mask, subnet_mask(&s->subnet));
	ipv4_format(v->first, first);
	ipv4_format(v->last, last);
	if (s->router)
		ipv4_format(v->router, s->router);
	if (s->dns)
		ipv4_format(v->dns, s->dns);
	if (strpbrk(v->directory, " \t\n\"'\\;{}$#%"))
		return fail_set(
			f, EINVAL, v->directory, "Give another directory.",
			"its path has a blank, quote or sign that the servers' configurations "
			"cannot hold");
	return 0;
}

static const struct server_file files[] = {
	{ "dnsmasq.conf", print_dnsmasq, .comment = "#" },
	{ "dhcpd.conf", print_dhcpd, .comment = "#", .gives_addresses = true },
	{ "kea-dhcp4.conf", print_kea, .comment = "//", .gives_addresses = true },
	{ "nginx-site.conf", print_nginx_site, .comment = "#" },
	{ "nginx.conf", print_nginx, .comment = "#" },
	{ "apache.conf", print_apache, .comment = "#" },
	{ "lighttpd.conf", print_lighttpd, .comment = "#" },
	{ "tarboot-dnsmasq.service", print_unit, "#", false, "DHCP and TFTP",
	  "/usr/sbin/dnsmasq -k -C", "/config/dnsmasq.conf" },
	{ "tarboot-dhcpd.service", print_unit, "#", true, "DHCP", "/usr/sbin/dhcpd -f -4 -cf",
	  "/config/dhcpd.conf" },
	{ "tarboot-kea.service", print_unit, "#", true, "DHCP", "/usr/sbin/kea-dhcp4 -c",
	  "/config/kea-dhcp4.conf" },
	{ "tarboot-nginx.service", print_unit, "#", false, "HTTP",
	  "/usr/sbin/nginx -g 'daemon off;' -c", "/config/nginx.conf" },
	{ "tarboot-apache.service", print_unit, "#", false, "HTTP",
	  "/usr/sbin/apache2 -D FOREGROUND -f", "/config/apache.conf" },
	{ "tarboot-lighttpd.service", print_unit, "#", false, "HTTP", "/usr/sbin/lighttpd -D -f",
	  "/config/lighttpd.conf" },
	{ "tarboot-serve.service", print_unit, "#", false, "DHCP, TFTP and HTTP",
	  "/usr/local/bin/tarboot serve", "" },
};

static void print_file(FILE *out, const void *servers)
{
	struct servers v = *(const struct servers *)servers;

	v.out = out;
	fprintf(out, "%s " SITE_MARK "\n", v.file->comment);
	v.file->print(&v);
}

int servers_write(const struct site *s, struct fail *f)
{
	struct servers v;
	char path[64];
	int r = fill(&v, s, f);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		v.file = &files[i];
		snprintf(path, sizeof(path), "config/%s", v.file->name);
		if (!s->proxy || !v.file->gives_addresses)
			r = site_print(s, path, print_file, &v, f);
	}
	return r;
}
