/* To these servers a machine is its MAC address. Its client identifier is another in iPXE, in init and, where that is made of a
 * machine-id of this boot alone, in the new system at each boot: so it would take one address after the other. */
#include "site/site_dhcp.h"

#include <string.h>

#define LEASE 43200 /* seconds */

/* What dnsmasq has by default, 50 and 1000, is less than a large room needs: others wait for their boot loader, or get no address. Each
 * transfer needs a file descriptor; where fewer are allowed, dnsmasq lowers this to its own limit. */
#define TRANSFERS_MAX 2048
#define LEASES_MAX 65536

/* UEFI HTTP boot does not use proxy DHCP. */
static void dnsmasq_proxy(const struct site_config *c)
{
	fprintf(c->out, "dhcp-range=%s,proxy,%s\n", c->network, c->mask);
	for (size_t i = 0; i < c->n_firmware; i++) {
		const struct firmware *w = &c->firmware[i];

		for (unsigned k = 0; k < w->n_types && !w->by_http; k++)
			fprintf(c->out, "pxe-service=tag:!ipxe,%u,\"tarboot\",%s,%s\n", w->types[k],
				w->program, c->server);
	}
	fprintf(c->out, "pxe-prompt=\"tarboot\",0\n");
}

/* Of all addresses of the subnet: those of machines are read while it runs. */
static void dnsmasq_addresses(const struct site_config *c)
{
	if (c->site->proxy) {
		dnsmasq_proxy(c);
		return;
	}
	fprintf(c->out, "dhcp-authoritative\ndhcp-range=%s,%s,%s,%u\ndhcp-lease-max=%d\n", c->first,
		c->last, c->mask, LEASE, LEASES_MAX);
	fprintf(c->out, "dhcp-option=option:router%s%s\n", *c->router ? "," : "", c->router);
	fprintf(c->out, "dhcp-option=option:dns-server%s%s\n", *c->dns ? "," : "", c->dns);
	fprintf(c->out, "dhcp-host=*:*:*:*:*:*,id:*\n"); /* where the file below has none */
	fprintf(c->out, "dhcp-hostsfile=%s/config/" SITE_DNSMASQ_HOSTS "\n", c->directory);
}

static void dnsmasq_firmware(const struct site_config *c)
{
	for (size_t i = 0; i < c->n_firmware; i++) {
		const struct firmware *w = &c->firmware[i];

		for (unsigned k = 0; k < w->n_types; k++)
			fprintf(c->out, "dhcp-match=set:%s,option:client-arch,%u\n", w->name,
				w->types[k]);
		fprintf(c->out, "dhcp-boot=tag:!ipxe,tag:%s,%s%s%s,,%s\n", w->name,
			w->by_http ? c->url : "", w->by_http ? "/" : "", w->program, c->server);
		if (w->by_http)
			fprintf(c->out, "dhcp-option-force=tag:!ipxe,tag:%s,60,HTTPClient\n",
				w->name);
	}
}

void site_dhcp_print_dnsmasq(const struct site_config *c)
{
	fprintf(c->out,
		"# dnsmasq -k -C %s/config/dnsmasq.conf\n"
		"# %s\n"
		"port=0\nlisten-address=%s\nbind-interfaces\nlog-dhcp\n"
		"enable-tftp\ntftp-root=%s/tftp\ntftp-max=%d\n"
		"dhcp-leasefile=%s/dnsmasq.leases\n",
		c->directory,
		c->site->proxy ? "Beside a DHCP server that gives the addresses (proxy DHCP)."
			       : "DHCP and TFTP for all of the subnet: there must be no other.",
		c->server, c->directory, TRANSFERS_MAX, c->directory);
	dnsmasq_addresses(c);
	fprintf(c->out, "dhcp-userclass=set:ipxe,iPXE\ndhcp-boot=tag:ipxe,%s/menu.ipxe,,%s\n",
		c->url, c->server);
	dnsmasq_firmware(c);
}

/* What stands behind dhcp-host=. In a file of its own, because dnsmasq reads that one again while it runs. */
void site_dhcp_print_dnsmasq_hosts(const struct site_config *c)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];

	for (m = c->site->machines; m < c->site->machines + c->site->n_machines; m++)
		if (m->address || *m->name)
			fprintf(c->out, "%s,id:*%s%s%s%s\n", m->mac, m->address ? "," : "",
				m->address ? ipv4_format(address, m->address) : "",
				*m->name ? "," : "", m->name);
}

/* The types as the two bytes of the DHCP option. */
static void dhcpd_firmware(const struct site_config *c)
{
	for (size_t i = 0; i < c->n_firmware; i++) {
		const struct firmware *w = &c->firmware[i];

		fprintf(c->out, " elsif ");
		for (unsigned k = 0; k < w->n_types; k++)
			fprintf(c->out, "%soption client-arch = 00:%02x", k ? " or " : "",
				w->types[k]);
		fprintf(c->out, " {\n");
		if (w->by_http)
			fprintf(c->out, "\t\toption vendor-class-identifier \"HTTPClient\";\n");
		fprintf(c->out, "\t\tfilename \"%s%s%s\";\n\t}", w->by_http ? c->url : "",
			w->by_http ? "/" : "", w->program);
	}
}

static void dhcpd_hosts(const struct site_config *c)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];

	for (m = c->site->machines; m < c->site->machines + c->site->n_machines; m++) {
		if (!m->address && !*m->name)
			continue;
		if (*m->name)
			fprintf(c->out, "host %s {\n", m->name);
		else /* no name has a _ */
			fprintf(c->out, "host machine_%zu {\n",
				(size_t)(m - c->site->machines) + 1);
		fprintf(c->out, "\thardware ethernet %s;\n", m->mac);
		if (m->address)
			fprintf(c->out, "\tfixed-address %s;\n", ipv4_format(address, m->address));
		if (*m->name)
			fprintf(c->out, "\toption host-name \"%s\";\n", m->name);
		fprintf(c->out, "}\n");
	}
}

void site_dhcp_print_dhcpd(const struct site_config *c)
{
	fprintf(c->out,
		"# ISC dhcpd: /etc/dhcp/dhcpd.conf. TFTP of %s/tftp by another program.\n"
		"authoritative;\nignore-client-uids true;\n"
		"option client-arch code 93 = unsigned integer 16;\n"
		"subnet %s netmask %s {\n\trange %s %s;\n\tdefault-lease-time "
		"%u;\n\tmax-lease-time %u;\n",
		c->directory, c->network, c->mask, c->first, c->last, LEASE, 2 * LEASE);
	if (*c->router)
		fprintf(c->out, "\toption routers %s;\n", c->router);
	if (*c->dns)
		fprintf(c->out, "\toption domain-name-servers %s;\n", c->dns);
	fprintf(c->out,
		"\tnext-server %s;\n"
		"\tif exists user-class and option user-class = \"iPXE\" {\n"
		"\t\tfilename \"%s/menu.ipxe\";\n\t}",
		c->server, c->url);
	dhcpd_firmware(c);
	fprintf(c->out, "\n}\n");
	dhcpd_hosts(c);
}

static void kea_options(const struct site_config *c)
{
	fprintf(c->out, "        \"option-data\": [");
	if (*c->router)
		fprintf(c->out, " { \"name\": \"routers\", \"data\": \"%s\" }%s", c->router,
			*c->dns ? "," : "");
	if (*c->dns)
		fprintf(c->out, " { \"name\": \"domain-name-servers\", \"data\": \"%s\" }", c->dns);
	fprintf(c->out, " ],\n");
}

static void kea_hosts(const struct site_config *c)
{
	const struct site_machine *m;
	char address[IPV4_TEXT_MAX];
	const char *comma = "";

	fprintf(c->out, "        \"reservations\": [");
	for (m = c->site->machines; m < c->site->machines + c->site->n_machines; m++) {
		if (!m->address && !*m->name)
			continue;
		fprintf(c->out, "%s\n          { \"hw-address\": \"%s\"", comma, m->mac);
		if (m->address)
			fprintf(c->out, ", \"ip-address\": \"%s\"",
				ipv4_format(address, m->address));
		if (*m->name)
			fprintf(c->out, ", \"hostname\": \"%s\"", m->name);
		fprintf(c->out, " }");
		comma = ",";
	}
	fprintf(c->out, " ]\n");
}

static void kea_class(const struct site_config *c, const char *name, const char *test,
		      const char *url, const char *slash, const char *file, const char *more)
{
	fprintf(c->out,
		"      { \"name\": \"%s\", \"test\": \"%s\",\n"
		"        \"next-server\": \"%s\", \"boot-file-name\": \"%s%s%s\"%s }",
		name, test, c->server, url, slash, file, more);
}

static void kea_firmware(const struct site_config *c)
{
	for (size_t i = 0; i < c->n_firmware; i++) {
		const struct firmware *w = &c->firmware[i];
		char test[128] = "not member('ipxe') and (";

		for (unsigned k = 0; k < w->n_types; k++)
			snprintf(test + strlen(test), sizeof(test) - strlen(test),
				 "%soption[93].hex == 0x%04x", k ? " or " : "", w->types[k]);
		strcat(test, ")");
		fprintf(c->out, ",\n");
		kea_class(c, w->name, test, w->by_http ? c->url : "", w->by_http ? "/" : "",
			  w->program,
			  w->by_http ? ",\n        \"option-data\": [ { \"name\": "
				       "\"vendor-class-identifier\", \"data\": \"HTTPClient\" } ]"
				     : "");
	}
}

void site_dhcp_print_kea(const struct site_config *c)
{
	fprintf(c->out,
		"// Kea: /etc/kea/kea-dhcp4.conf; name the interface. TFTP of %s/tftp by another "
		"program.\n"
		"{\n  \"Dhcp4\": {\n"
		"    \"interfaces-config\": { \"interfaces\": [ \"*\" ] },\n"
		"    \"lease-database\": { \"type\": \"memfile\" },\n"
		"    \"match-client-id\": false,\n"
		"    \"valid-lifetime\": %u,\n    \"client-classes\": [\n",
		c->directory, LEASE);
	kea_class(c, "ipxe", "substring(option[77].hex,0,4) == 'iPXE'", c->url, "/", "menu.ipxe",
		  "");
	kea_firmware(c);
	fprintf(c->out,
		"\n    ],\n    \"subnet4\": [\n      {\n        \"id\": 1, \"subnet\": \"%s/%u\",\n"
		"        \"pools\": [ { \"pool\": \"%s - %s\" } ],\n",
		c->network, c->site->subnet.bits, c->first, c->last);
	kea_options(c);
	kea_hosts(c);
	fprintf(c->out, "      }\n    ]\n  }\n}\n");
}
