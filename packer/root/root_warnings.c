/* Warnings about a root, on stderr. */
#include "root/root_warnings.h"

#include "base/fields.h"
#include "root/login_check.h"
#include "base/print.h"
#include "root/ssh_check.h"
#include "root/systemd_check.h"

static void warn_of_owner(uid_t uid, uid_t usr)
{
	if (usr != 0)
		print_warning(
			"/usr belongs to user %u, as if that user had unpacked the root: sudo "
			"and the like would run as that user, who could change all programs: "
			"unpack it as root, or pack it in the user namespace where it is "
			"root's (podman unshare tarboot ...)",
			(unsigned)usr);
	else if (uid != 0)
		print_warning(
			"the root directory belongs to user %u: systemd and sshd refuse files "
			"in it: run chown root on it and pack again",
			(unsigned)uid);
}

void root_warn_of_mount(const char *path, const char *where, bool is_of_root)
{
	print_warning(is_of_root ? "/%s is packed empty, since it is a mount point or a subvolume "
				   "in %s: give what is in it by --overlay, or a copy of the whole"
				 : "/%s is packed empty, since it is a mount point or a subvolume "
				   "in %s: give a copy of the whole",
		      path, where);
}

void root_warn_of_capabilities(size_t n, const char *path, unsigned user)
{
	print_warning("%zu file%s, as /%s, ha%s capabilities of a user namespace in which user %u "
		      "is root: the new system will ignore them: pack the root in that namespace "
		      "(podman unshare tarboot ...)",
		      n, print_plural(n), path, n == 1 ? "s" : "ve", user);
}

void root_warn_of_directory(unsigned mode, uid_t uid, uid_t usr)
{
	if ((mode & 0555) != 0555)
		print_warning("the root directory has mode %04o: only root could enter it, so most "
			      "services will fail: run chmod 755 on it and pack again",
			      mode);
	else if (mode & 0022)
		print_warning("the root directory has mode %04o: all users could write to it: run "
			      "chmod 755 on it and pack again",
			      mode);
	warn_of_owner(uid, usr);
}

static bool has_cloud_init(const struct root_files *packed)
{
	return root_files_has(packed, "usr/bin/cloud-init") &&
	       !root_files_has(packed, "etc/cloud/cloud-init.disabled");
}

/* SELinux in the root is strict, and nobody has labelled what the boot makes. */
static void warn_of_selinux(const struct root_files *packed)
{
	_cleanup_free_ char *text = root_files_read(packed, "etc/selinux/config");

	if (text &&
	    (strncmp(text, "SELINUX=enforcing", 17) == 0 || strstr(text, "\nSELINUX=enforcing")))
		print_warning("SELinux is enforcing in the root: boot with selinux=0, or set "
			      "SELINUX=permissive in etc/selinux/config");
}

/* ---- localhost ---- */

/* Is it one of the words of a line, before a comment? */
static bool has_word(struct field line, const char *const *words)
{
	const char *at = line.at, *end = line.at + line.size;
	struct field word;

	while ((word = field_next(&at, end)).size > 0 && *word.at != '#')
		if (field_is_one_of(word, words))
			return true;
	return false;
}

/* Does /etc/hosts give it an address? */
static bool names_localhost(const char *hosts)
{
	static const char *const names[] = { "localhost", NULL };
	const char *next = hosts;
	struct field line;

	while (line_next(&next, hosts + strlen(hosts), &line))
		if (has_word(line, names))
			return true;
	return false;
}

/* Without a line there only these modules of the C library know localhost. */
static bool knows_localhost(const char *nsswitch)
{
	static const char *const modules[] = { "myhostname", "resolve", NULL };
	const char *next = nsswitch;
	struct field line;

	while (line_next(&next, nsswitch + strlen(nsswitch), &line)) {
		if (!field_starts_with(line, "hosts:"))
			continue;
		line = (struct field){ line.at + strlen("hosts:"), line.size - strlen("hosts:") };
		return has_word(line, modules);
	}
	return true;
}

/* The name server of systemd-resolved knows it, too. */
static bool asks_resolved(const struct root_files *packed)
{
	char target[64];

	return packed->read_link(packed, "etc/resolv.conf", target, sizeof(target)) == 0 &&
	       strstr(target, "systemd/resolve/stub-resolv.conf");
}

/* docker export has an empty file; others have a line for the machine's own name alone. */
static void warn_of_hosts(const struct root_files *packed)
{
	_cleanup_free_ char *nsswitch = root_files_read(packed, "etc/nsswitch.conf");
	_cleanup_free_ char *hosts = root_files_read(packed, "etc/hosts");
	bool is_there = root_files_has(packed, "etc/hosts");

	if ((is_there && (!hosts || names_localhost(hosts))) || !nsswitch ||
	    knows_localhost(nsswitch) || asks_resolved(packed))
		return;
	print_warning("etc/hosts %s, so localhost has no address: give one with the line "
		      "\"127.0.0.1 localhost\" with --overlay",
		      !is_there ? "is missing"
		      : !*hosts ? "is empty"
				: "has no line for it");
}

void root_warn_of_files(const struct root_files *packed, const char *init)
{
	warn_of_selinux(packed);
	ssh_check_warn(packed, has_cloud_init(packed));
	warn_of_hosts(packed);
	if (!systemd_check_is(packed, init))
		return;
	systemd_check_warn(packed);
	if (!has_cloud_init(packed)) /* which makes accounts */
		login_check_warn(packed);
}

/* What NetworkManager or a DHCP client made, the same program makes anew. */
void root_warn_of_name_servers(const char *text, size_t size)
{
	const char *next = text;
	struct field line, server = { 0 };

	while (line_next(&next, text + size, &line)) {
		const char *at = line.at, *end = line.at + line.size;

		if (field_starts_with(line, "# Generated by "))
			return;
		if (!field_is(field_next(&at, end), "nameserver") || server.size > 0)
			continue;
		server = field_next(&at, end);
		if (field_starts_with(server, "127.") || field_is(server, "::1"))
			server.size = 0;
	}
	if (server.size > 0)
		print_warning(
			"etc/resolv.conf names the DNS server %.*s, which every machine will use: "
			"replace it with --overlay, or leave it out with --exclude",
			(int)(server.size < 64 ? server.size : 64), server.at);
}
