/* What is reset, and the files for a card that is kept. */
#include "net/network_reset.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/run_file.h"
#include "base/util.h"
#include "net/resolv.h"
#include "net/rtnl.h"

#define NETWORKD "/run/systemd/network"
#define NETWORK_MANAGER "/run/NetworkManager"

/* Those that were touched, and the one that is kept. */
struct links {
	const struct network_seen *seen;
	int kept; /* index; 0: none */
	struct rtnl_link all[NETWORK_CARDS_MAX + 1];
	size_t n;
};

static bool is_touched(const struct network_seen *s, int index)
{
	for (size_t i = 0; i < NETWORK_CARDS_MAX; i++)
		if (s->touched[i] == index)
			return true;
	return false;
}

static void note_link(const struct nlmsghdr *h, void *arg)
{
	struct links *l = arg;
	struct rtnl_link link;

	if (l->n < ARRAY_SIZE(l->all) && rtnl_parse_link(h, &link) &&
	    (link.index == l->kept || is_touched(l->seen, link.index)))
		l->all[l->n++] = link;
}

static const struct rtnl_link *find_link(const struct links *l, int index)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->all[i].index == index)
			return &l->all[i];
	return NULL;
}

/* mtu: its own; 0: it has that. */
static int reset_link(int rtnl, const struct rtnl_link *link, unsigned mtu)
{
	int r = rtnl_flush(rtnl, link->index, AF_UNSPEC), down;

	if (strcmp(link->kind, "vlan") == 0)
		return rtnl_delete_link(rtnl, link->index);
	down = rtnl_set_up(rtnl, link->index, false);
	if (down == 0 && mtu)
		down = rtnl_set_mtu(rtnl, link->index, mtu);
	return down < 0 ? down : r;
}

/* ---- a card that is kept ---- */

static bool is_dynamic(const struct network_seen *s)
{
	return strcmp(s->from, "ip=") != 0;
}

/* A card gets another name, and a VLAN has the MAC of its card, as bridges and the like do that the new system makes on it. */
static void write_match(FILE *out, const struct network_seen *s, bool is_vlan)
{
	char mac[18];

	if (is_vlan)
		fprintf(out, "Name=%s\n\n", s->nic);
	else
		fprintf(out, "MACAddress=%s\nType=ether\n\n", net_mac_format(s->mac, mac));
}

/* The next of the list "A, B", and its length; NULL at the end. */
static const char *next_dns(const char **list, size_t *ret_n)
{
	const char *server = *list;

	*ret_n = strcspn(server, ",");
	*list = server + *ret_n + strspn(server + *ret_n, ", ");
	return *ret_n ? server : NULL;
}

/* systemd.network(5); KeepConfiguration= from version 243 on. */
static int write_networkd(const struct network_seen *s, bool is_vlan)
{
	FILE *out = run_file_create(NETWORKD, "05-tarboot.network", 0644);
	const char *list = s->dns, *dns;
	size_t n;

	if (!out)
		return -errno;
	fprintf(out, "# The card that tarboot fetched the root by (tarboot.net=keep).\n[Match]\n");
	write_match(out, s, is_vlan);
	fprintf(out, "[Network]\n");
	fprintf(out, "KeepConfiguration=yes\n");
	if (is_dynamic(s))
		fprintf(out, "DHCP=yes\n");
	else
		fprintf(out, "Address=%s\n", s->address);
	if (!is_dynamic(s) && *s->gateway)
		fprintf(out, "Gateway=%s\n", s->gateway);
	while ((dns = next_dns(&list, &n)))
		if (strncmp(dns, "fe80:", 5) != 0) /* networkd hears of those itself */
			fprintf(out, "DNS=%.*s\n", (int)n, dns);
	if (is_dynamic(s)) /* the id that the lease was asked with */
		fprintf(out, "\n[DHCPv4]\nClientIdentifier=mac\n");
	return fclose(out) == 0 ? 0 : -EIO;
}

/* Those that are of the version's family. */
static void write_dns(FILE *out, const char *list, int version)
{
	const char *before = "dns=", *dns;
	size_t n;

	while ((dns = next_dns(&list, &n))) {
		bool is_ipv6 = memchr(dns, ':', n);

		if (is_ipv6 != (version == 6))
			continue;
		fprintf(out, "%s%.*s;", before, (int)n, dns);
		before = "";
	}
	if (!*before)
		fputc('\n', out);
}

/* nm-settings-keyfile(5): only root may read it, or it is ignored. */
static int write_network_manager(const struct network_seen *s)
{
	FILE *out = run_file_create(NETWORK_MANAGER "/system-connections", "tarboot.nmconnection",
				    0600);
	bool is_ipv6 = strchr(s->address, ':');
	char mac[18];

	if (!out)
		return -errno;
	fprintf(out,
		"# The card that tarboot fetched the root by (tarboot.net=keep).\n[connection]\n");
	fprintf(out, "id=tarboot\ntype=ethernet\nautoconnect-priority=1\n\n[ethernet]\n");
	fprintf(out, "mac-address=%s\n", net_mac_format(s->mac, mac));
	for (int version = 4; version <= 6; version += 2) {
		bool is_manual = !is_dynamic(s) && is_ipv6 == (version == 6);

		fprintf(out, "\n[ipv%d]\nmethod=%s\n", version, is_manual ? "manual" : "auto");
		if (is_manual)
			fprintf(out, "address1=%s%s%s\n", s->address, *s->gateway ? "," : "",
				s->gateway);
		if (!is_dynamic(s))
			write_dns(out, s->dns, version);
		if (version == 4 && is_dynamic(s))
			fprintf(out, "dhcp-client-id=mac\n");
	}
	return fclose(out) == 0 ? 0 : -EIO;
}

/* Does the VLAN that is kept lie on it? Then it has the same MAC. */
static bool is_below(const struct rtnl_link *link, const struct rtnl_link *kept)
{
	return strcmp(kept->kind, "vlan") == 0 &&
	       memcmp(link->mac, kept->mac, sizeof(link->mac)) == 0;
}

/* NetworkManager takes a VLAN that it finds as it is. */
static int write_files(const struct network_seen *s, const struct rtnl_link *kept)
{
	bool is_vlan = strcmp(kept->kind, "vlan") == 0;
	int r = write_networkd(s, is_vlan);

	return r < 0 || is_vlan ? r : write_network_manager(s);
}

int network_reset(const struct network_seen *seen, bool is_kept)
{
	_cleanup_close_ int rtnl = rtnl_open();
	static struct links links;
	const struct rtnl_link *kept;
	int result = 0, r;

	links.seen = seen;
	links.kept = is_kept && seen->reached ? (int)if_nametoindex(seen->nic) : 0;
	resolv_forget();
	if (rtnl < 0 || (r = rtnl_links(rtnl, note_link, &links)) < 0)
		return rtnl < 0 ? rtnl : r;
	kept = find_link(&links, links.kept);
	/* From the last to the first: VLANs come after the cards that they lie on. */
	for (size_t i = NETWORK_CARDS_MAX; i-- > 0;) {
		const struct rtnl_link *link = find_link(&links, seen->touched[i]);

		if (!seen->touched[i] || !link || link == kept || (kept && is_below(link, kept)))
			continue;
		r = reset_link(rtnl, link, seen->mtu[i]);
		result = r < 0 ? r : result;
	}
	if (kept && (r = write_files(seen, kept)) < 0)
		result = r;
	return result;
}
