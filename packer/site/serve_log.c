/* Parses known lines by their words. Other lines of the servers are shown if they look like errors. */
#include "site/serve_log.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define TEXT "%63s"
#define LARGE 1000000 /* bytes from which on it is told how many there were */

static const char *mac_of(const struct serve_log *log, const char *address)
{
	size_t n = log->n < SERVE_CLIENTS ? log->n : SERVE_CLIENTS;

	for (size_t i = 0; i < n; i++)
		if (strcmp(log->clients[i].address, address) == 0)
			return log->clients[i].mac;
	return "";
}

void serve_log_learn(struct serve_log *log, const char *address, const char *mac)
{
	uint32_t unused;
	char plain[MAC_TEXT_MAX];
	size_t n = log->n < SERVE_CLIENTS ? log->n : SERVE_CLIENTS, i = 0;

	if (!ipv4_parse(address, &unused) || !mac_parse(mac, strlen(mac), ':', plain))
		return;
	while (i < n && strcmp(log->clients[i].address, address) != 0)
		i++;
	if (i == n)
		i = log->n++ % SERVE_CLIENTS;
	snprintf(log->clients[i].address, IPV4_TEXT_MAX, "%s", address);
	strcpy(log->clients[i].mac, plain);
}

static void show(const struct serve_log *log, const char *address, const char *what,
		 char ret[SERVE_LINE_MAX])
{
	snprintf(ret, SERVE_LINE_MAX, "%-17s %-15s %s", mac_of(log, address), address, what);
}

/* "DHCPACK(br0) ADDRESS MAC [NAME]" */
static bool show_dhcp(struct serve_log *log, const char *at, char ret[SERVE_LINE_MAX])
{
	char address[64] = "", mac[64] = "", name[64] = "", what[96];
	uint32_t unused;

	if (sscanf(at, "DHCPACK(%*[^)]) " TEXT " " TEXT " " TEXT, address, mac, name) < 2 ||
	    !ipv4_parse(address, &unused))
		return false;
	serve_log_learn(log, address, mac);
	snprintf(what, sizeof(what), "DHCP   address given%s%s", *name ? " to " : "", name);
	show(log, address, what, ret);
	return true;
}

/* "PXE(br0) [ADDRESS] MAC FILE" of proxy DHCP */
static bool show_proxy(struct serve_log *log, const char *at, char ret[SERVE_LINE_MAX])
{
	char first[64] = "", second[64] = "";
	uint32_t unused;

	if (sscanf(at, "PXE(%*[^)]) " TEXT " " TEXT, first, second) < 2)
		return false;
	if (ipv4_parse(first, &unused)) {
		serve_log_learn(log, first, second);
		show(log, first, "PXE    boot file announced", ret);
	} else {
		snprintf(ret, SERVE_LINE_MAX, "%-17s %-15s PXE    boot file announced", first, "");
	}
	return true;
}

/* "sent PATH to ADDRESS" */
static bool show_tftp(struct serve_log *log, const char *at, char ret[SERVE_LINE_MAX])
{
	const char *to = strstr(at, " to "), *name = to;
	char address[64] = "", what[SERVE_LINE_MAX / 2];

	if (!to || sscanf(to, " to " TEXT, address) != 1)
		return false;
	while (name > at && name[-1] != '/' && name[-1] != ' ')
		name--;
	snprintf(what, sizeof(what), "TFTP   %.*s", (int)(to - name), name);
	show(log, address, what, ret);
	return true;
}

/* A line of SERVE_HTTP_FORMAT. */
struct transfer {
	char address[64], path[256];
	unsigned status;
	unsigned long long sent, size; /* bytes of the body: sent, and announced; 0 = not known */
	unsigned long long offset;     /* of a part of a file */
	double seconds;
};

static bool parse_http(const char *line, struct transfer *ret)
{
	char size[64], range[96];

	*ret = (struct transfer){ 0 };
	if (sscanf(line, "tarboot " TEXT " %u %llu %lf " TEXT " [%95[^]]] %255s", ret->address,
		   &ret->status, &ret->sent, &ret->seconds, size, range, ret->path) < 7)
		return false;
	(void)sscanf(size, "%llu", &ret->size);
	(void)sscanf(range, "bytes %llu-", &ret->offset);
	return true;
}

/* How much of a large file, and how fast. */
static void print_amount(const struct serve_log *log, const struct transfer *t, char *ret,
			 size_t room)
{
	double megabytes = (double)t->sent / 1e6;
	char from[48] = "", of[80] = "", blocks[SERVE_BLOCKS_MAX] = "";

	if (log->blocks)
		log->blocks(log->blocks_arg, t->path, t->offset, t->offset + t->sent, blocks);

	if (t->offset)
		snprintf(from, sizeof(from), "from %.1f MB on: ", (double)t->offset / 1e6);
	if (t->sent < t->size)
		snprintf(of, sizeof(of), ", then the machine broke off; %.1f MB were left",
			 (double)(t->size - t->sent) / 1e6);
	snprintf(ret, room, "%s%.1f MB in %.1f s, %.0f MB/s%s%s%s", from, megabytes, t->seconds,
		 megabytes / (t->seconds > 0.001 ? t->seconds : 0.001), *blocks ? ", " : "", blocks,
		 of);
}

static bool show_http(struct serve_log *log, const char *line, char ret[SERVE_LINE_MAX])
{
	char what[SERVE_LINE_MAX - 96], amount[240];
	struct transfer t;

	if (!parse_http(line, &t))
		return false;
	if (t.status == 404 && strncmp(t.path, "/mac-", 5) == 0)
		return false; /* the optional file of that machine does not exist */
	if (t.status != 200 && t.status != 206)
		snprintf(what, sizeof(what), "HTTP   %s: error %u%s", t.path, t.status,
			 t.status == 403 ? ": the web server is not allowed to read it" : "");
	else if (t.sent < LARGE)
		snprintf(what, sizeof(what), "HTTP   %s", t.path);
	else {
		print_amount(log, &t, amount, sizeof(amount));
		snprintf(what, sizeof(what), "HTTP   %s  %s", t.path, amount);
	}
	show(log, t.address, what, ret);
	return true;
}

static bool sounds_bad(const char *line)
{
	static const char *const words[] = { "fail",      "error", "cannot",     "denied",
					     "not found", "emerg", "no address", "unknown" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

bool serve_log_line(struct serve_log *log, const char *line, char ret[SERVE_LINE_MAX])
{
	const char *at;

	if (strncmp(line, "tarboot ", 8) == 0)
		return show_http(log, line, ret);
	if ((at = strstr(line, "DHCPACK(")))
		return show_dhcp(log, at, ret);
	if ((at = strstr(line, " PXE(")))
		return show_proxy(log, at + 1, ret);
	if ((at = strstr(line, ": sent ")))
		return show_tftp(log, at + 7, ret);
	/* Optional files that do not exist; and firmware that aborts a transfer after it got the size. */
	if (!sounds_bad(line) || strstr(line, "/mac-") || strstr(line, "autoexec.ipxe") ||
	    strstr(line, "aborted the transfer"))
		return false;
	snprintf(ret, SERVE_LINE_MAX, "%s", line);
	return true;
}
