/* Parses known lines by their words. */
#include "site/serve_event.h"

#include <stdio.h>
#include <string.h>

#include "base/net_text.h"
#include "base/util.h"

#define TEXT "%63s"
#define TIME_LENGTH 16

/* "vendor class: TEXT", "user class: TEXT" */
static bool parse_class(const char *text, struct serve_event *e)
{
	return sscanf(text, "%*s class: " TEXT, e->text) == 1;
}

/* In a line that need not have an address the MAC may be where it would be. */
static void move_mac(struct serve_event *e)
{
	uint32_t unused;

	if (ipv4_parse(e->address, &unused))
		return;
	memcpy(e->mac, e->address, sizeof(e->mac));
	*e->address = '\0';
}

/* "DHCPDISCOVER(br0) [ADDRESS] MAC", "DHCPREQUEST(br0) ADDRESS MAC" */
static bool parse_asked(const char *text, struct serve_event *e)
{
	if (sscanf(text, "DHCP%*[A-Z](%*[^)]) " TEXT " " TEXT, e->address, e->mac) < 1)
		return false;
	move_mac(e);
	return true;
}

/* The same, and "DHCPNAK(br0) ADDRESS MAC", with the reason behind it. It has not got that address. */
static bool parse_refused(const char *text, struct serve_event *e)
{
	if ((!ends_with(text, " no address available") && !ends_with(text, " no leases left")) ||
	    !parse_asked(text, e))
		return false;
	*e->address = '\0';
	return true;
}

/* "DHCPACK(br0) ADDRESS MAC [NAME]" */
static bool parse_given(const char *text, struct serve_event *e)
{
	uint32_t unused;

	return sscanf(text, "DHCPACK(%*[^)]) " TEXT " " TEXT " " TEXT, e->address, e->mac,
		      e->text) >= 2 &&
	       ipv4_parse(e->address, &unused);
}

/* "PXE(br0) [ADDRESS] MAC FILE" of proxy DHCP */
static bool parse_proxy(const char *text, struct serve_event *e)
{
	if (sscanf(text, "PXE(%*[^)]) " TEXT " " TEXT, e->address, e->mac) < 2)
		return false;
	move_mac(e);
	return true;
}

/* "sent PATH to ADDRESS": the last " to ", since the path may have one, too */
static bool parse_tftp(const char *text, struct serve_event *e)
{
	const char *to = NULL, *name;

	for (const char *at = text; (at = strstr(at, " to ")); at++)
		to = at;
	if (!to || sscanf(to, " to " TEXT, e->address) != 1)
		return false;
	for (name = to; name > text && name[-1] != '/' && name[-1] != ' '; name--)
		;
	snprintf(e->path, sizeof(e->path), "%.*s", (int)(to - name), name);
	return true;
}

/* SERVE_HTTP_FORMAT. */
static bool parse_http(const char *text, struct serve_event *e)
{
	unsigned long long sent = 0, bytes = 0, offset = 0, total = 0;
	char size[64], range[96];

	if (sscanf(text, " " TEXT " %u %llu %lf " TEXT " [%95[^]]] %255s", e->address, &e->status,
		   &sent, &e->seconds, size, range, e->path) < 7)
		return false;
	(void)sscanf(size, "%llu", &bytes);
	if (sscanf(range, "bytes %llu-%*[0-9]/%llu", &offset, &total) < 2)
		total = bytes;
	e->sent = sent;
	e->size = bytes;
	e->offset = offset;
	e->total = total;
	return true;
}

static const struct {
	const char *part, *word; /* of dnsmasq that says it, and how it begins */
	bool (*parse)(const char *text, struct serve_event *e);
	enum serve_event_kind kind;
} kinds[] = {
	{ "dnsmasq-dhcp[", "DHCPACK(", parse_given, SERVE_DHCP_GIVEN },
	{ "dnsmasq-dhcp[", "PXE(", parse_proxy, SERVE_PXE },
	{ "dnsmasq-dhcp[", "DHCPDISCOVER(", parse_refused, SERVE_DHCP_REFUSED },
	{ "dnsmasq-dhcp[", "DHCPNAK(", parse_refused, SERVE_DHCP_REFUSED },
	{ "dnsmasq-dhcp[", "DHCPDISCOVER(", parse_asked, SERVE_DHCP_ASKED },
	{ "dnsmasq-dhcp[", "DHCPREQUEST(", parse_asked, SERVE_DHCP_ASKED },
	{ "dnsmasq-dhcp[", "vendor class: ", parse_class, SERVE_DHCP_CLASS },
	{ "dnsmasq-dhcp[", "user class: ", parse_class, SERVE_DHCP_CLASS },
	{ "dnsmasq-tftp[", "sent ", parse_tftp, SERVE_TFTP },
};

/* "Nov 29 11:00:00 " */
static bool is_time(const char *line)
{
	return strlen(line) > TIME_LENGTH && line[3] == ' ' && line[9] == ':' && line[12] == ':' &&
	       line[TIME_LENGTH - 1] == ' ';
}

/* "[TIME] dnsmasq-PART[PID]: [NUMBER] TEXT". All of that stands in its place: what a machine asks for may look the same, further on in
 * TEXT. */
static void parse_dnsmasq(const char *line, struct serve_event *e)
{
	const char *head = is_time(line) ? line + TIME_LENGTH : line, *text = strstr(head, "]: ");

	if (!text)
		return;
	text += 3;
	e->request = (uint32_t)strtoul(text, NULL, 10);
	text += strspn(text, "0123456789");
	text += *text == ' ';
	for (size_t i = 0; e->kind == SERVE_NOTHING && i < ARRAY_SIZE(kinds); i++)
		if (strncmp(head, kinds[i].part, strlen(kinds[i].part)) == 0 &&
		    strncmp(text, kinds[i].word, strlen(kinds[i].word)) == 0)
			e->kind = kinds[i].parse(text, e) ? kinds[i].kind : SERVE_NOTHING;
}

enum serve_event_kind serve_event_parse(const char *line, const char *mark, struct serve_event *ret)
{
	size_t length = strlen(mark);

	*ret = (struct serve_event){ .is_of_nginx = length > 0 };
	if (length == 0)
		parse_dnsmasq(line, ret);
	else if (strncmp(line, mark, length) == 0)
		ret->kind = parse_http(line + length, ret) ? SERVE_HTTP : SERVE_NO_REQUEST;
	return ret->kind;
}

bool serve_event_is_optional(const struct serve_event *e)
{
	return e->status == 404 && !e->is_of_site &&
	       (strncmp(e->path, "/mac-", 5) == 0 || strcmp(e->path, "/autoexec.ipxe") == 0);
}
