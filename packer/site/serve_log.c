/* Known lines are shown in words of our own, other lines of the servers if they look like errors. */
#include "site/serve_log.h"

#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define LARGE 1000000 /* bytes from which on it is told how many there were */

static size_t n_clients(const struct serve_log *log)
{
	return log->n < SERVE_CLIENTS ? log->n : SERVE_CLIENTS;
}

static size_t find_client(const struct serve_log *log, const char *address)
{
	size_t i = 0;

	while (i < n_clients(log) && strcmp(log->clients[i].address, address) != 0)
		i++;
	return i;
}

const char *serve_log_mac(const struct serve_log *log, const char *address,
			  enum serve_source source)
{
	size_t i = find_client(log, address);

	return i < n_clients(log) && log->clients[i].source >= source ? log->clients[i].mac : "";
}

void serve_log_learn(struct serve_log *log, const char *address, const char *mac,
		     enum serve_source source)
{
	uint32_t unused;
	char plain[MAC_TEXT_MAX];
	size_t i = find_client(log, address);

	if (!ipv4_parse(address, &unused) || !mac_parse(mac, strlen(mac), ':', plain) ||
	    !mac_is_of_card(plain))
		return;
	if (i < n_clients(log) && source < log->clients[i].source)
		return;
	if (i == n_clients(log))
		i = log->n++ % SERVE_CLIENTS;
	snprintf(log->clients[i].address, IPV4_TEXT_MAX, "%s", address);
	strcpy(log->clients[i].mac, plain);
	log->clients[i].source = source;
}

/* One that did not answer has an entry, too, without ATF_COM. */
void serve_log_neighbour(struct serve_log *log, const char *line)
{
	char address[64], mac[64];
	unsigned flags;

	if (sscanf(line, "%63s %*s %x %63s", address, &flags, mac) == 3 && (flags & ATF_COM))
		serve_log_learn(log, address, mac, SERVE_BY_ARP);
}

/* How much of a large file, and how fast. */
static void print_amount(const struct serve_log *log, const struct serve_event *e, char *ret,
			 size_t room)
{
	double megabytes = (double)e->sent / 1e6;
	char from[48] = "", of[80] = "", blocks[SERVE_BLOCKS_MAX] = "";

	if (log->blocks)
		log->blocks(log->blocks_arg, e->path, e->offset, e->offset + e->sent, blocks);

	if (e->offset)
		snprintf(from, sizeof(from), "from %.1f MB on: ", (double)e->offset / 1e6);
	if (e->sent < e->size)
		snprintf(of, sizeof(of), ", then the machine broke off; %.1f MB were left",
			 (double)(e->size - e->sent) / 1e6);
	snprintf(ret, room, "%s%.1f MB in %.1f s, %.0f MB/s%s%s%s", from, megabytes, e->seconds,
		 megabytes / (e->seconds > 0.001 ? e->seconds : 0.001), *blocks ? ", " : "", blocks,
		 of);
}

static void describe_http(const struct serve_log *log, const struct serve_event *e,
			  char ret[SERVE_WHAT_MAX])
{
	char amount[240];

	if (e->status != 200 && e->status != 206)
		snprintf(ret, SERVE_WHAT_MAX, "HTTP   %s: error %u%s", e->path, e->status,
			 e->status == 403 ? ": the web server is not allowed to read it" : "");
	else if (e->sent < LARGE)
		snprintf(ret, SERVE_WHAT_MAX, "HTTP   %s", e->path);
	else {
		print_amount(log, e, amount, sizeof(amount));
		snprintf(ret, SERVE_WHAT_MAX, "HTTP   %s  %s", e->path, amount);
	}
}

/* Without its addresses. */
static bool describe(const struct serve_log *log, const struct serve_event *e,
		     char ret[SERVE_WHAT_MAX])
{
	switch (e->kind) {
	case SERVE_DHCP_GIVEN:
		snprintf(ret, SERVE_WHAT_MAX, "DHCP   address given%s%s", *e->text ? " to " : "",
			 e->text);
		return true;
	case SERVE_DHCP_REFUSED:
		snprintf(ret, SERVE_WHAT_MAX,
			 "DHCP   no address is left for it: give more with `tarboot netboot "
			 "--range`");
		return true;
	case SERVE_PXE:
		snprintf(ret, SERVE_WHAT_MAX, "PXE    boot file announced");
		return true;
	case SERVE_TFTP:
		snprintf(ret, SERVE_WHAT_MAX, "TFTP   %s", e->path);
		return true;
	case SERVE_HTTP:
		describe_http(log, e, ret);
		if (!serve_event_is_optional(e))
			return true;
		*ret = '\0';
		return false;
	default:
		return false;
	}
}

static bool sounds_bad(const char *line)
{
	static const char *const words[] = { "fail",       "error",     "cannot",
					     "denied",     "not found", "emerg",
					     "no address", "unknown",   "not using" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

/* Not: optional files that do not exist; and firmware that aborts a transfer after it got the size. */
static bool is_trouble(const char *line)
{
	return sounds_bad(line) && !strstr(line, "/mac-") && !strstr(line, "autoexec.ipxe") &&
	       !strstr(line, "aborted the transfer");
}

bool serve_log_event(struct serve_log *log, const struct serve_event *e, const char *line,
		     char ret_what[SERVE_WHAT_MAX], char ret[SERVE_LINE_MAX])
{
	*ret_what = '\0';
	if (e->kind == SERVE_NOTHING && is_trouble(line)) {
		snprintf(ret, SERVE_LINE_MAX, "%s%s",
			 e->is_of_nginx && strncmp(line, "nginx: ", 7) != 0 ? "nginx: " : "", line);
		return true;
	}
	if (*e->mac && *e->address && e->kind != SERVE_DHCP_ASKED)
		serve_log_learn(log, e->address, e->mac,
				e->kind == SERVE_DHCP_GIVEN ? SERVE_BY_DHCP : SERVE_BY_ITSELF);
	if (!describe(log, e, ret_what))
		return false;
	snprintf(ret, SERVE_LINE_MAX, "%-17s %-15s %s",
		 *e->address ? serve_log_mac(log, e->address, SERVE_BY_ITSELF) : e->mac, e->address,
		 ret_what);
	return true;
}

bool serve_log_line(struct serve_log *log, const char *line, const char *mark,
		    char ret[SERVE_LINE_MAX])
{
	char what[SERVE_WHAT_MAX];
	struct serve_event e;

	(void)serve_event_parse(line, mark, &e);
	return serve_log_event(log, &e, line, what, ret);
}
