/*
 * All configurations do the same: firmware gets iPXE by TFTP (or by HTTP if it asks for that), or a unified kernel image;
 * iPXE, recognized by its user class, gets the menu, so that there is no loop. Firmware of a type that is not in the table of site_firmware.c
 * gets nothing.
 */
#include "site/site_servers.h"

#include <stdio.h>
#include <string.h>

#include "site/site_file.h"
#include "site/site_firmware.h"
#include "base/util.h"

#define LEASE 43200 /* seconds */

/* What dnsmasq has by default, 50 and 1000, is less than a large room needs: others wait for their boot loader, or get no address. Each
 * transfer needs a file descriptor; where fewer are allowed, dnsmasq lowers this to its own limit. */
#define TRANSFERS_MAX 2048
#define LEASES_MAX 65536

struct servers;

struct server_file {
	const char *name;
	void (*print)(const struct servers *v);
	const char *comment;        /* what starts a comment */
	bool gives_addresses;       /* not useful if another DHCP server assigns them */
	const char *what, *command, /* for a systemd unit; NULL = this tarboot */
		*read;              /* the file in config/ that the command reads */
};

struct servers {
	FILE *out;
	const struct server_file *file;
	const struct site *site;
	char directory[PATH_MAX]; /* absolute */
	char tarboot[PATH_MAX];   /* path of this program */
	char url[SITE_TEXT_MAX];
	char server[IPV4_TEXT_MAX], network[IPV4_TEXT_MAX], mask[IPV4_TEXT_MAX];
	char first[IPV4_TEXT_MAX], last[IPV4_TEXT_MAX];
	char router[IPV4_TEXT_MAX], dns[IPV4_TEXT_MAX]; /* "" = none */
	struct firmware firmware[FIRMWARE_MAX];         /* whose programs are in the site */
	size_t n_firmware;
};

/* ---- DHCP ---- */

/* To these servers a machine is its MAC address. Its client identifier is another in iPXE, in init and, where that is made of a
 * machine-id of this boot alone, in the new system at each boot: so it would take one address after the other. */

/* UEFI HTTP boot does not use proxy DHCP. */
static void dnsmasq_proxy(const struct servers *v)
{
	fprintf(v->out, "dhcp-range=%s,proxy,%s\n", v->network, v->mask);
	for (size_t i = 0; i < v->n_firmware; i++) {
		const struct firmware *w = &v->firmware[i];

		for (unsigned k = 0; k < w->n_types && !w->by_http; k++)
			fprintf(v->out, "pxe-service=tag:!ipxe,%u,\"tarboot\",%s,%s\n", w->types[k],
				w->program, v->server);
	}
	fprintf(v->out, "pxe-prompt=\"tarboot\",0\n");
}

/* Of all addresses of the subnet: those of machines are read while it runs. */
static void dnsmasq_addresses(const struct servers *v)
{
	if (v->site->proxy) {
		dnsmasq_proxy(v);
		return;
	}
	fprintf(v->out, "dhcp-authoritative\ndhcp-range=%s,%s,%s,%u\ndhcp-lease-max=%d\n", v->first,
		v->last, v->mask, LEASE, LEASES_MAX);
	fprintf(v->out, "dhcp-option=option:router%s%s\n", *v->router ? "," : "", v->router);
	fprintf(v->out, "dhcp-option=option:dns-server%s%s\n", *v->dns ? "," : "", v->dns);
	fprintf(v->out, "dhcp-host=*:*:*:*:*:*,id:*\n"); /* where the file below has none */
	fprintf(v->out, "dhcp-hostsfile=%s/config/" SITE_DNSMASQ_HOSTS "\n", v->directory);
}

static void dnsmasq_firmware(const struct servers *v)
{
	for (size_t i = 0; i < v->n_firmware; i++) {
		const struct firmware *w = &v->firmware[i];

		for (unsigned k = 0; k < w->n_types; k++)
			fprintf(v->out, "dhcp-match=set:%s,option:client-arch,%u\n", w->name,
				w->types[k]);
		fprintf(v->out, "dhcp-boot=tag:!ipxe,tag:%s,%s%s%s,,%s\n", w->name,
			w->by_http ? v->url : "", w->by_http ? "/" : "", w->program, v->server);
		if (w->by_http)
			fprintf(v->out, "dhcp-option-force=tag:!ipxe,tag:%s,60,HTTPClient\n",
				w->name);
	}
}

static void print_dnsmasq(const struct servers *v)
{
	fprintf(v->out,
		"# dnsmasq -k -C %s/config/dnsmasq.conf\n"
		"# %s\n"
		"port=0\nlisten-address=%s\nbind-interfaces\nlog-dhcp\n"
		"enable-tftp\ntftp-root=%s/tftp\ntftp-max=%d\n"
		"dhcp-leasefile=%s/dnsmasq.leases\n",
		v->directory,
		v->site->proxy ? "Beside a DHCP server that gives the addresses (proxy DHCP)."
			       : "DHCP and TFTP for all of the subnet: there must be no other.",
		v->server, v->directory, TRANSFERS_MAX, v->directory);
	dnsmasq_addresses(v);
	fprintf(v->out, "dhcp-userclass=set:ipxe,iPXE\ndhcp-boot=tag:ipxe,%s/menu.ipxe,,%s\n",
		v->url, v->server);
	dnsmasq_firmware(v);
}

/* What stands behind dhcp-host=. In a file of its own, because dnsmasq reads that one again while it runs. */
static void print_dnsmasq_hosts(const struct servers *v)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];

	for (m = v->site->machines; m < v->site->machines + v->site->n_machines; m++)
		if (m->address || *m->name)
			fprintf(v->out, "%s,id:*%s%s%s%s\n", m->mac, m->address ? "," : "",
				m->address ? ipv4_format(address, m->address) : "",
				*m->name ? "," : "", m->name);
}

/* The types as the two bytes of the DHCP option. */
static void dhcpd_firmware(const struct servers *v)
{
	for (size_t i = 0; i < v->n_firmware; i++) {
		const struct firmware *w = &v->firmware[i];

		fprintf(v->out, " elsif ");
		for (unsigned k = 0; k < w->n_types; k++)
			fprintf(v->out, "%soption client-arch = 00:%02x", k ? " or " : "",
				w->types[k]);
		fprintf(v->out, " {\n");
		if (w->by_http)
			fprintf(v->out, "\t\toption vendor-class-identifier \"HTTPClient\";\n");
		fprintf(v->out, "\t\tfilename \"%s%s%s\";\n\t}", w->by_http ? v->url : "",
			w->by_http ? "/" : "", w->program);
	}
}

static void dhcpd_hosts(const struct servers *v)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];

	for (m = v->site->machines; m < v->site->machines + v->site->n_machines; m++) {
		if (!m->address && !*m->name)
			continue;
		if (*m->name)
			fprintf(v->out, "host %s {\n", m->name);
		else /* no name has a _ */
			fprintf(v->out, "host machine_%zu {\n",
				(size_t)(m - v->site->machines) + 1);
		fprintf(v->out, "\thardware ethernet %s;\n", m->mac);
		if (m->address)
			fprintf(v->out, "\tfixed-address %s;\n", ipv4_format(address, m->address));
		if (*m->name)
			fprintf(v->out, "\toption host-name \"%s\";\n", m->name);
		fprintf(v->out, "}\n");
	}
}

static void print_dhcpd(const struct servers *v)
{
	fprintf(v->out,
		"# ISC dhcpd: /etc/dhcp/dhcpd.conf. TFTP of %s/tftp by another program.\n"
		"authoritative;\nignore-client-uids true;\n"
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
		"\t\tfilename \"%s/menu.ipxe\";\n\t}",
		v->server, v->url);
	dhcpd_firmware(v);
	fprintf(v->out, "\n}\n");
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
		if (!m->address && !*m->name)
			continue;
		fprintf(v->out, "%s\n          { \"hw-address\": \"%s\"", comma, m->mac);
		if (m->address)
			fprintf(v->out, ", \"ip-address\": \"%s\"",
				ipv4_format(address, m->address));
		if (*m->name)
			fprintf(v->out, ", \"hostname\": \"%s\"", m->name);
		fprintf(v->out, " }");
		comma = ",";
	}
	fprintf(v->out, " ]\n");
}

static void kea_class(const struct servers *v, const char *name, const char *test, const char *url,
		      const char *slash, const char *file, const char *more)
{
	fprintf(v->out,
		"      { \"name\": \"%s\", \"test\": \"%s\",\n"
		"        \"next-server\": \"%s\", \"boot-file-name\": \"%s%s%s\"%s }",
		name, test, v->server, url, slash, file, more);
}

static void kea_firmware(const struct servers *v)
{
	for (size_t i = 0; i < v->n_firmware; i++) {
		const struct firmware *w = &v->firmware[i];
		char test[128] = "not member('ipxe') and (";

		for (unsigned k = 0; k < w->n_types; k++)
			snprintf(test + strlen(test), sizeof(test) - strlen(test),
				 "%soption[93].hex == 0x%04x", k ? " or " : "", w->types[k]);
		strcat(test, ")");
		fprintf(v->out, ",\n");
		kea_class(v, w->name, test, w->by_http ? v->url : "", w->by_http ? "/" : "",
			  w->program,
			  w->by_http ? ",\n        \"option-data\": [ { \"name\": "
				       "\"vendor-class-identifier\", \"data\": \"HTTPClient\" } ]"
				     : "");
	}
}

static void print_kea(const struct servers *v)
{
	fprintf(v->out,
		"// Kea: /etc/kea/kea-dhcp4.conf; name the interface. TFTP of %s/tftp by another "
		"program.\n"
		"{\n  \"Dhcp4\": {\n"
		"    \"interfaces-config\": { \"interfaces\": [ \"*\" ] },\n"
		"    \"lease-database\": { \"type\": \"memfile\" },\n"
		"    \"match-client-id\": false,\n"
		"    \"valid-lifetime\": %u,\n    \"client-classes\": [\n",
		v->directory, LEASE);
	kea_class(v, "ipxe", "substring(option[77].hex,0,4) == 'iPXE'", v->url, "/", "menu.ipxe",
		  "");
	kea_firmware(v);
	fprintf(v->out,
		"\n    ],\n    \"subnet4\": [\n      {\n        \"id\": 1, \"subnet\": \"%s/%u\",\n"
		"        \"pools\": [ { \"pool\": \"%s - %s\" } ],\n",
		v->network, v->site->subnet.bits, v->first, v->last);
	kea_options(v);
	kea_hosts(v);
	fprintf(v->out, "      }\n    ]\n  }\n}\n");
}

/* ---- HTTP ---- */

/* A cache between machines and server, as a room may have one, is to ask for these each time: what they say changes, and
 * that one of them is not there, too. */
#define CHANGING "(\\.ipxe|\\.minisig|/current/[^/]*|/uki-[^/]*\\.efi)$"

/* The site alone, for an existing nginx, and for `tarboot serve`. */
static void print_nginx_site(const struct servers *v)
{
	fprintf(v->out,
		"# /etc/nginx/sites-enabled/tarboot, or by nginx.conf beside this file\n"
		"server {\n\tlisten %s:%u;\n\troot %s/http;\n"
		"\t# large files, as they are, from any byte on: a machine asks for the rest with "
		"Range and If-Range\n"
		"\tsendfile on;\n\ttcp_nopush on;\n\tgzip off;\n\tetag on;\n"
		"\tdefault_type application/octet-stream;\n"
		"\tlocation ~ " CHANGING " { add_header Cache-Control no-cache always; }\n}\n",
		v->server, v->site->port, v->directory);
}

static void print_nginx(const struct servers *v)
{
	fprintf(v->out,
		"# nginx -c %s/config/nginx.conf\n"
		"worker_processes auto;\npid /run/tarboot-nginx.pid;\n"
		"# a connection and a file for each machine\n"
		"worker_rlimit_nofile 16384;\n"
		"events { worker_connections 4096; }\n"
		"http { include %s/config/nginx-site.conf; }\n",
		v->directory, v->directory);
}

/* An existing Apache has its own settings for what is inside IfModule. */
static void print_apache(const struct servers *v)
{
	fprintf(v->out,
		"# apache2 -f %s/config/apache.conf, or /etc/apache2/sites-enabled/tarboot.conf\n"
		"<IfModule !authz_core_module>\n"
		"\tLoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
		"\tLoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
		"\tLoadModule headers_module /usr/lib/apache2/modules/mod_headers.so\n"
		"\tServerRoot /etc/apache2\n\tServerName %s\n\tUser www-data\n\tGroup www-data\n"
		"\tPidFile /run/tarboot-apache.pid\n\tDefaultRuntimeDir /run\n\tErrorLog "
		"/dev/stderr\n"
		"</IfModule>\n"
		"Listen %s:%u\n"
		"<VirtualHost %s:%u>\n\tServerName %s\n\tDocumentRoot \"%s/http\"\n"
		"\t<Directory \"%s/http\">\n\t\tOptions FollowSymLinks\n\t\tAllowOverride None\n"
		"\t\tRequire all granted\n\t\tEnableSendfile On\n\t\tFileETag MTime Size\n"
		"\t</Directory>\n"
		"\t# in an existing Apache: a2enmod headers\n"
		"\t<IfModule headers_module>\n\t\t<LocationMatch \"" CHANGING "\">\n"
		"\t\t\tHeader always set Cache-Control no-cache\n"
		"\t\t</LocationMatch>\n\t</IfModule>\n</VirtualHost>\n",
		v->directory, v->server, v->server, v->site->port, v->server, v->site->port,
		v->server, v->directory, v->directory);
}

static void print_lighttpd(const struct servers *v)
{
	fprintf(v->out,
		"# lighttpd -D -f %s/config/lighttpd.conf\n"
		"server.bind = \"%s\"\nserver.port = %u\nserver.document-root = \"%s/http\"\n"
		"server.network-backend = \"sendfile\"\n"
		"mimetype.assign = ( \"\" => \"application/octet-stream\" )\n"
		"server.modules = ( \"mod_setenv\" )\n"
		"$HTTP[\"url\"] =~ \"" CHANGING "\" {\n"
		"\tsetenv.set-response-header = ( \"Cache-Control\" => \"no-cache\" )\n}\n",
		v->directory, v->server, v->site->port, v->directory);
}

/* ---- systemd ---- */

/* Printed as: command, directory, file. */
static void print_unit(const struct servers *v)
{
	char command[PATH_MAX + 8];

	if (v->file->command)
		snprintf(command, sizeof(command), "%s", v->file->command);
	else
		snprintf(command, sizeof(command), "%s serve", v->tarboot);
	fprintf(v->out,
		"# /etc/systemd/system/; the program's own unit must be off\n"
		"[Unit]\nDescription=%s for tarboot\nWants=network-online.target\n"
		"After=network-online.target\n"
		"# The address may come late, or tarboot netboot be at work.\n"
		"StartLimitIntervalSec=0\n\n"
		"[Service]\nExecStart=%s %s%s\nRestart=on-failure\nRestartSec=5\n"
		"LimitNOFILE=65536\n\n"
		"[Install]\nWantedBy=multi-user.target\n",
		v->file->what, command, v->directory, v->file->read);
}

/* ---- all of them ---- */

static void fill(struct servers *v, const struct site *s)
{
	uint32_t first = 0, last = 0;

	(void)site_range(s, &first, &last); /* with proxy there may be none, and none is used */
	*v = (struct servers){ .site = s };
	if (!realpath(s->directory, v->directory))
		snprintf(v->directory, sizeof(v->directory), "%s", s->directory);
	if (!realpath("/proc/self/exe", v->tarboot))
		strcpy(v->tarboot, "/usr/bin/tarboot");
	site_url(s, v->url);
	v->n_firmware = firmware_served(s, v->firmware);
	ipv4_format(v->server, s->server);
	ipv4_format(v->network, s->subnet.address);
	ipv4_format(v->mask, subnet_mask(&s->subnet));
	ipv4_format(v->first, first);
	ipv4_format(v->last, last);
	if (s->router)
		ipv4_format(v->router, s->router);
	if (s->dns)
		ipv4_format(v->dns, s->dns);
}

static const struct server_file files[] = {
	{ SITE_DNSMASQ_HOSTS, print_dnsmasq_hosts, .comment = "#", .gives_addresses = true },
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
	{ "tarboot-serve.service", print_unit, "#", false, "DHCP, TFTP and HTTP", NULL, "" },
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
	int r = 0;

	fill(&v, s);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		v.file = &files[i];
		snprintf(path, sizeof(path), "config/%s", v.file->name);
		if (!s->proxy || !v.file->gives_addresses)
			r = site_print(s, path, print_file, &v, f);
	}
	return r;
}
