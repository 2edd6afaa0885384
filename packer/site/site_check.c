/* Are the settings of a site consistent, can the servers' users read it, and which addresses does DHCP assign? */
#include "site/site.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/piped_child.h"
#include "base/print.h"
#include "site/site_file.h"

#define ADDRESSES_MAX 200 /* assigned by DHCP without --range */
#define NOBODY 65534

static int wrong(struct fail *f, const char *key, const char *why)
{
	return fail_set(f, EINVAL, key, "Give the option again, or edit netboot.conf.", "%s", why);
}

/* ---- addresses ---- */

/* Addresses that DHCP must not assign: of the server, the router and the DNS server. */
static const struct reserved {
	const char *who;
	size_t offset;
} reserved[] = {
	{ "server", offsetof(struct site, server) },
	{ "router", offsetof(struct site, router) },
	{ "DNS server", offsetof(struct site, dns) },
};

static uint32_t reserved_address(const struct site *s, const struct reserved *r)
{
	return *(const uint32_t *)((const char *)s + r->offset);
}

/* The lowest reserved address from first to last; 0 = none. */
static uint32_t next_reserved(const struct site *s, uint32_t first, uint32_t last)
{
	uint32_t lowest = 0, address;

	for (const struct reserved *r = reserved; r < reserved + ARRAY_SIZE(reserved); r++) {
		address = reserved_address(s, r);
		if (address >= first && address <= last && (!lowest || address < lowest))
			lowest = address;
	}
	return lowest;
}

/* The longest range from lowest to highest without reserved addresses. False: there is none. */
static bool longest_run(const struct site *s, uint32_t lowest, uint32_t highest,
			uint32_t *ret_first, uint32_t *ret_last)
{
	uint32_t best = 0, taken, end;

	while (lowest <= highest) {
		taken = next_reserved(s, lowest, highest);
		end = taken ? taken : highest + 1;
		if (end - lowest > best) {
			best = end - lowest;
			*ret_first = lowest;
			*ret_last = end - 1;
		}
		lowest = end + 1;
	}
	return best > 0;
}

bool site_range(const struct site *s, uint32_t *ret_first, uint32_t *ret_last)
{
	uint32_t hosts = ~subnet_mask(&s->subnet), lowest = s->subnet.address + 1,
		 highest = s->subnet.address + hosts - 1;

	if (s->first) {
		*ret_first = s->first;
		*ret_last = s->last;
		return true;
	}
	if (!longest_run(s, lowest + hosts / 2, highest, ret_first, ret_last) &&
	    !longest_run(s, lowest, highest, ret_first, ret_last))
		return false;
	if (*ret_last - *ret_first >= ADDRESSES_MAX)
		*ret_first = *ret_last - ADDRESSES_MAX + 1;
	return true;
}

static int check_range(const struct site *s, struct fail *f)
{
	uint32_t first, last, address;
	char text[IPV4_TEXT_MAX];

	if (s->first && (!subnet_has(&s->subnet, s->first) || !subnet_has(&s->subnet, s->last) ||
			 s->first > s->last))
		return wrong(f, "range", "it must lie in the subnet, the lower address first");
	for (const struct reserved *r = reserved; r < reserved + ARRAY_SIZE(reserved); r++) {
		address = reserved_address(s, r);
		if (s->first && address >= s->first && address <= s->last)
			return fail_set(f, EINVAL, "range", "Give another with --range FIRST,LAST.",
					"it contains %s, the address of the %s",
					ipv4_format(text, address), r->who);
	}
	if (!s->proxy && !site_range(s, &first, &last))
		return fail_set(f, EINVAL, "subnet", "Give a larger one with --subnet, or --proxy.",
				"no address is left for the machines");
	return 0;
}

/* ---- do they go together? ---- */

/* Each of these characters is special for some server: dnsmasq splits values at commas, nginx and Apache take paths as
 * patterns. */
static int check_directory(const struct site *s, struct fail *f)
{
	char path[PATH_MAX];

	if (!realpath(s->directory, path))
		return fail_errno(f, errno, s->directory, "cannot open this directory");
	for (const char *at = path; *at; at++)
		if (iscntrl((unsigned char)*at) || strchr(" \"'\\,;*?[]{}$#%", *at))
			return fail_set(f, EINVAL, path, "Give another directory.",
					"its path has a space, quote or special character that is "
					"not possible in server configurations");
	return 0;
}

/* Has a machine before this one the same address or name? */
static int check_repeated(const struct site *s, const struct site_machine *m, struct fail *f)
{
	char address[IPV4_TEXT_MAX] = "";
	bool has_address, has_name;

	if (m->address)
		ipv4_format(address, m->address);
	for (const struct site_machine *other = s->machines; other < m; other++) {
		has_address = m->address && other->address == m->address;
		has_name = *m->name && strcmp(other->name, m->name) == 0;
		if (has_address || has_name)
			return fail_set(f, EINVAL, m->mac,
					"Give one of them another, or take that machine away with "
					"--forget MAC.",
					"%s has the same %s, %s", other->mac,
					has_address ? "address" : "name",
					has_address ? address : m->name);
	}
	return 0;
}

static int check_machines(const struct site *s, struct fail *f)
{
	const struct site_machine *m;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_machines; i++) {
		m = &s->machines[i];
		if (!mac_is_of_card(m->mac))
			print_warning("netboot.conf: the MAC address %s is that of a group, or all "
				      "zeros, and no machine's: take it away with tarboot netboot "
				      "--forget %s",
				      m->mac, m->mac);
		if (m->address && s->proxy)
			return fail_set(
				f, EINVAL, m->mac,
				"Take its address away: `--forget` it, and give its name, entry "
				"and layer again.",
				"with proxy, another server gives it its address");
		if (m->address && !subnet_has(&s->subnet, m->address))
			return wrong(f, m->mac, "its fixed address is not in the subnet");
		if (m->address == s->server && m->address)
			return wrong(f, m->mac, "its fixed address is the server's");
		r = check_repeated(s, m, f);
	}
	return r;
}

int site_check(const struct site *s, struct fail *f)
{
	int r = check_directory(s, f);

	if (r < 0)
		return r;
	if (!s->server)
		return fail_set(f, EINVAL, s->directory, "Give it with --server ADDRESS.",
				"the address of the server is not known");
	if (!s->subnet.bits)
		return fail_set(f, EINVAL, s->directory,
				"Give it with --subnet, for example --subnet 192.168.7.0/24.",
				"the subnet of the machines is not known");
	if (!subnet_has(&s->subnet, s->server))
		return wrong(f, "server", "its address is not in the subnet");
	if (s->router && !subnet_has(&s->subnet, s->router))
		return wrong(f, "router", "its address is not in the subnet");
	r = check_range(s, f);
	return r == 0 ? check_machines(s, f) : r;
}

/* ---- can the servers reach it? ---- */

/* In a process that runs as nobody: writes the length of the first part of the path that it cannot enter to standard output,
 * nothing when it can enter all. */
static void try_path(char *path)
{
	size_t length = strlen(path);

	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		_exit(0);
	for (size_t i = 1; i <= length; i++) {
		char next = path[i];

		if (next && next != '/')
			continue;
		path[i] = '\0';
		if (access(path, X_OK) < 0 && errno == EACCES) {
			(void)!write(STDOUT_FILENO, &i, sizeof(i));
			_exit(0);
		}
		path[i] = next;
	}
	_exit(0);
}

/* Shortens path to its first directory that other users cannot enter. False: they can enter all, or that is not known,
 * because only root can run as another user. */
static bool find_closed(char *path)
{
	size_t length = 0;
	int fd, status;
	pid_t pid;

	if (geteuid() != 0)
		return false;
	pid = piped_child(&fd);
	if (pid < 0)
		return false;
	if (pid == 0)
		try_path(path);
	if (read(fd, &length, sizeof(length)) != sizeof(length))
		length = 0;
	close(fd);
	(void)waitpid(pid, &status, 0);
	if (length > 0 && length <= strlen(path))
		path[length] = '\0';
	return length > 0;
}

/* dnsmasq reads the list of machines in config/ again after it has dropped its privileges, but only if it assigns addresses. */
int site_check_reachable(const struct site *s, struct fail *f)
{
	static const char *const served[] = { "tftp", "http", "config" };
	char path[PATH_MAX], real[PATH_MAX];
	size_t n = s->proxy ? 2 : 3, length;

	for (size_t i = 0; i < n; i++) {
		if (!realpath(site_path(s, path, "%s", served[i]), real))
			continue;
		length = strlen(real);
		if (!find_closed(real))
			continue;
		return fail_set(
			f, EACCES, s->directory,
			strlen(real) == length
				? "Let all users enter it: chmod a+rx."
				: "Move it to a directory that all users can enter, for example "
				  "/srv/tarboot.",
			"dnsmasq and nginx cannot read it: they run as other users, which "
			"cannot enter %s",
			real);
	}
	return 0;
}

/* ---- who else can write to it? ---- */

static bool others_can_write(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_uid != 0 || (st.st_mode & S_IWOTH) ||
					((st.st_mode & S_IWGRP) && st.st_gid != 0));
}

void site_warn_of_writers(const struct site *s)
{
	static const char *const paths[] = { "", "/config", "/config/dnsmasq.conf",
					     "/config/nginx-site.conf" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		snprintf(path, sizeof(path), "%s%s", s->directory, paths[i]);
		if (!others_can_write(path))
			continue;
		print_warning("whoever can write to %s is root on this machine, for dnsmasq and "
			      "nginx start as root with what stands there: chown root: %s; chmod "
			      "go-w %s",
			      path, path, path);
		return;
	}
}
