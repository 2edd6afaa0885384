/* One sentence for each reason. */
#include "net/network_why_not.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/read_all.h"
#include "base/util.h"
#include "modules/modindex.h"

#define PCI "/sys/bus/pci/devices"
#define CARDS "/sys/class/net"
#define INFINIBAND_TYPE "32"       /* ARPHRD_INFINIBAND */
#define INFINIBAND_CLASS "0x0207*" /* of PCI */
#define IPV6_ROUTES "/proc/net/ipv6_route"
#define OF_ROUTER 0x40000 /* RTF_ADDRCONF */
#define ABOUT_MAX (sizeof(((struct network_seen *)0)->about) + sizeof("the proxy "))

/* Reads a small file of /sys as one line; "" if there is none. */
static void read_line(const char *directory, const char *device, const char *name, char ret[32])
{
	char path[320];
	FILE *f;

	ret[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%s", directory, device, name);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(ret, 32, f))
		ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
}

static bool has_driver(const char *device)
{
	char path[320];

	snprintf(path, sizeof(path), PCI "/%s/driver", device);
	return access(path, F_OK) == 0;
}

/* Lists the network cards on the PCI bus (class 0x02) that no driver has taken: "8086:100e, 10ec:8168". */
static void list_without_driver(char *ret, size_t size)
{
	char class[32], vendor[32], id[32];
	DIR *dir = opendir(PCI);
	struct dirent *e;
	size_t used = 0;

	ret[0] = '\0';
	while (dir && (e = readdir(dir)) && used + 16 < size) {
		read_line(PCI, e->d_name, "class", class);
		if (e->d_name[0] == '.' || strncmp(class, "0x02", 4) != 0 || has_driver(e->d_name))
			continue;
		read_line(PCI, e->d_name, "vendor", vendor);
		read_line(PCI, e->d_name, "device", id);
		used += (size_t)snprintf(ret + used, size - used, "%s%.4s:%.4s", used ? ", " : "",
					 *vendor ? vendor + 2 : "", *id ? id + 2 : "");
	}
	if (dir)
		closedir(dir);
}

/* Lists the network drivers that the image has. */
static void list_drivers(char *ret, size_t size)
{
	_cleanup_free_ char *text = NULL;
	size_t length, used = 0;
	struct utsname u;
	char path[160];

	ret[0] = '\0';
	if (uname(&u) < 0)
		return;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	if (read_file(path, &text, &length) < 0)
		return;
	for (char *line = text, *end; *line && used + 40 < size; line = end + (*end == '\n')) {
		const char *name = line;

		end = line + strcspn(line, "\n");
		/* What is foreign is mostly one: pack looked into it, or was told its name. */
		if (!modindex_is_in_net(line) && !modindex_is_foreign(line))
			continue;
		for (const char *c = line; c < line + strcspn(line, ":\n"); c++)
			name = *c == '/' ? c + 1 : name;
		used += (size_t)snprintf(ret + used, size - used, "%s%.*s", used ? ", " : "",
					 (int)strcspn(name, ".:\n"), name);
	}
}

/* Lists the devices of a directory of /sys whose file of that name has such a content. */
static void list_devices(const char *directory, const char *name, const char *pattern, char *ret,
			 size_t size)
{
	DIR *dir = opendir(directory);
	struct dirent *e;
	size_t used = 0;
	char is[32];

	ret[0] = '\0';
	while (dir && (e = readdir(dir)) && used + 40 < size) {
		read_line(directory, e->d_name, name, is);
		if (e->d_name[0] != '.' && fnmatch(pattern, is, 0) == 0)
			used += (size_t)snprintf(ret + used, size - used, "%s%.32s",
						 used ? ", " : "", e->d_name);
	}
	if (dir)
		closedir(dir);
}

/* Without IP over InfiniBand they are no network cards to the kernel, either. */
static void list_infiniband(char *ret, size_t size)
{
	list_devices(CARDS, "type", INFINIBAND_TYPE, ret, size);
	if (!*ret)
		list_devices(PCI, "class", INFINIBAND_CLASS, ret, size);
}

static int no_nic(struct fail *f)
{
	char ids[120], drivers[160], infiniband[160];

	list_without_driver(ids, sizeof(ids));
	list_drivers(drivers, sizeof(drivers));
	list_infiniband(infiniband, sizeof(infiniband));
	if (*ids)
		return fail_set(
			f, ENODEV, "the network",
			"Pack with --modules net, or with the module for that card.",
			"there is no driver for the network card with the PCI ID %s; the image "
			"has %s",
			ids, *drivers ? drivers : "none for any card");
	if (*infiniband)
		return fail_set(f, ENODEV, "the network",
				"Connect an Ethernet card, or set a port to Ethernet, or pack the "
				"root into the image (without --stream).",
				"there is no network card but those for InfiniBand (%s), by which "
				"nothing is fetched",
				infiniband);
	return fail_set(f, ENODEV, "the network",
			"Check that the machine has one, and that its module is in the image "
			"(--modules net).",
			"there is no network card; the image has drivers for %s",
			*drivers ? drivers : "none");
}

static int ended(struct fail *f, int status)
{
	return fail_set(f, EIO, "the network", "Report it, with the lines before it.",
			"the process that configures it ended (%s %d)",
			WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Is there a route that an IPv6 router announced, by itself or of a prefix? */
static bool has_ipv6_router(void)
{
	FILE *file = fopen(IPV6_ROUTES, "re");
	char line[256];
	unsigned flags;
	bool has = false;

	while (file && !has && fgets(line, sizeof(line), file))
		has = sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %x", &flags) == 1 &&
		      (flags & OF_ROUTER);
	if (file)
		fclose(file);
	return has;
}

static int no_lease(struct fail *f, const char *nics, uint64_t seconds)
{
	unsigned long long n = seconds;

	if (has_ipv6_router())
		return fail_set(f, ETIMEDOUT, "the network",
				"Check the DHCP server of that network, or let the router announce "
				"a prefix for addresses (there is no DHCPv6 here), or set ip=.",
				"no address for %s after %llu s: the IPv6 router there lets no "
				"machine make its own",
				nics, n);
	return fail_set(f, ETIMEDOUT, "the network",
			"Check the DHCP server of that network, or set ip=.",
			"no address for %s after %llu s", nics, n);
}

/* What had to be reached. */
static const char *name_server(const struct boot *b, char ret[ABOUT_MAX])
{
	snprintf(ret, ABOUT_MAX, "%s%s", *b->params.proxy ? "the proxy " : "",
		 b->network_seen.about);
	return ret;
}

int network_why_not(struct boot *b, uint64_t seconds)
{
	const struct network_seen *s = &b->network_seen;
	char about[ABOUT_MAX];
	unsigned long long n = seconds;
	struct fail *f = &b->fail;

	if (background_has_ended(&b->network))
		return ended(f, b->network.child.status);
	switch ((enum network_reason)s->reason) {
	case NETWORK_NO_NIC:
		return no_nic(f);
	case NETWORK_OTHER_NICS:
		return fail_set(
			f, ENODEV, "the network",
			"Correct them in the boot menu. Cards have the kernel's names here.",
			"ip=, BOOTIF= and vlan= name none of the network cards (%s)", s->nics);
	case NETWORK_NO_CARRIER:
		return fail_set(f, ENETDOWN, "the network", "Check cable and switch.",
				"no link on %s after %llu s", s->nics, n);
	case NETWORK_NO_LEASE:
		return no_lease(f, s->nics, seconds);
	case NETWORK_NO_ROUTE:
		return fail_set(f, ENETUNREACH, name_server(b, about),
				"Check the gateway of that network.", "no route to it from %s (%s)",
				s->nic, s->address);
	case NETWORK_NO_NAME:
		return fail_set(f, EHOSTUNREACH, name_server(b, about),
				"Check the name, or write the server's address instead of it.",
				"its name cannot be resolved (%s, DNS %s)", s->nic,
				*s->dns ? s->dns : "none");
	default:
		return fail_set(f, ETIMEDOUT, name_server(b, about),
				"Check that the server runs, and firewalls on the way.",
				"nobody answers there (from %s, %s, for %llu s)", s->nic,
				s->address, n);
	}
}
